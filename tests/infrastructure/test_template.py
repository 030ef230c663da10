"""The template says what the settings say: the policies that upsert makes, and no others."""

import json

import pytest

from infrastructure.parameters import parameter_values
from infrastructure.pruning import prune
from infrastructure.roles import ROLES, STARS, all_documents
from infrastructure.template import FILE, as_json, as_yaml, compile_template
from local.stacks.functions import Scope
from local.stacks.parameters import parameter_values as checked_values
from local.stacks.template import read_template
from provision.logs import function_logs, machine_logs, machines_of
from statemachine.names import Names
from statemachine.promotion import promotion_documents
from statemachine.resource_policies import queue_policy, topic_policy
from tests.infrastructure.examples import ENVIRONMENTS, READER

INLINE = 51_200  # bytes that CloudFormation takes with a request


@pytest.fixture(scope="module")
def template():
    return compile_template()


def scope(template, loaded):
    pseudo = {
        "AWS::AccountId": loaded.aws.account_id,
        "AWS::Partition": "aws",
        "AWS::Region": loaded.aws.region,
        "AWS::StackName": "foundation",
    }
    return Scope(template, {**parameter_values(loaded), **pseudo})


def resolved(template, loaded):
    """The resources that are made, with their properties."""
    found = scope(template, loaded)
    return {
        name: found.resolve(node.get("Properties", {}))
        for name, node in template["Resources"].items()
        if found.there(name)
    }


def by_sid(policy):
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def test_the_file_is_what_the_code_compiles_to(template):
    text = FILE.read_text(encoding="utf-8")
    assert text == as_yaml(template), "run `make foundation`"
    assert read_template(text) == template


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_each_role_has_the_policy_that_the_settings_compile_to(name):
    loaded = ENVIRONMENTS[name]
    made = resolved(compile_template(loaded), loaded)
    documents = all_documents(loaded)
    for actor, document in documents.items():
        if ROLES[actor] not in made:
            continue
        role = made[ROLES[actor]]
        assert role["AssumeRolePolicyDocument"] == document["trust"]
        found = by_sid(role["Policies"][0]["PolicyDocument"])
        if name == "everything":  # its subnets are known after the stack is made
            found.pop("Network", None)
        assert found == by_sid(document["policy"]), actor


PARTNERS = {"takes-in-one-account", "gives-in-one-account", "everything"}


def test_the_file_alone_lets_a_partner_in_and_nobody_else(template):
    for name, loaded in ENVIRONMENTS.items():
        made = resolved(template, loaded)
        sids = {
            sid
            for role in ("WorkflowRole", "EventsRole")
            if role in made
            for sid in by_sid(made[role]["Policies"][0]["PolicyDocument"])
            if "Promot" in sid or "Taker" in sid
        }
        documents = promotion_documents(loaded).get("roles", {})
        wanted = {each["Sid"] for statements in documents.values() for each in statements}
        assert sids == wanted, name
        assert bool(wanted) == (name in PARTNERS - {"gives-in-one-account"})


def test_the_file_alone_says_the_same_where_parameters_tell_all(template):
    loaded = ENVIRONMENTS["local"]
    assert resolved(template, loaded) == resolved(compile_template(loaded), loaded)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_what_is_sent_is_the_template_without_what_the_parameters_rule_out(template, name):
    loaded = ENVIRONMENTS[name]
    sent = prune(template, parameter_values(loaded), "aws")
    assert resolved(sent, loaded) == resolved(template, loaded)
    assert len(as_json(sent).encode()) <= INLINE
    given = [{"ParameterKey": k, "ParameterValue": v} for k, v in parameter_values(loaded).items()]
    used = [item for item in given if item["ParameterKey"] in sent["Parameters"]]
    assert set(checked_values(sent, used, {})) == set(sent["Parameters"])


def test_roles_of_others_are_not_made(template):
    kinds = {node["Type"] for node in prune_for(template, "a-course-account").values()}
    assert not kinds & {"AWS::IAM::Role", "AWS::IAM::InstanceProfile", "AWS::S3::Bucket"}
    assert "AWS::SNS::Topic" in kinds


def prune_for(template, name):
    return prune(template, parameter_values(ENVIRONMENTS[name]), "aws")["Resources"]


def test_jobs_have_a_role_of_their_own_only_where_the_settings_say_so(template):
    assert "JobsRole" in prune_for(template, "example")
    assert "JobsRole" not in prune_for(template, "one-role-for-pipeline-and-jobs")


@pytest.mark.parametrize("name", ["example", "takes-in-one-account"])
def test_topic_queue_and_logs_are_those_that_upsert_would_make(template, name):
    loaded = ENVIRONMENTS[name]
    made, names = resolved(template, loaded), Names(loaded)
    assert made["Topic"]["TopicName"] == names.topic
    wanted = topic_policy(names, [names.alarm("*")], budget=True)
    assert made["TopicPolicy"]["PolicyDocument"] == wanted
    assert made["UndeliveredEvents"]["QueueName"] == names.queue
    wanted = queue_policy(names, [names.rule("*")])
    assert made["UndeliveredEventsPolicy"]["PolicyDocument"] == wanted
    groups = {p["LogGroupName"] for p in made.values() if "LogGroupName" in p}
    assert {function_logs(names.predict), function_logs(names.smoke_test)} < groups
    machines = {names.state_machine(kind) for kind in machines_of(loaded)}
    assert {machine_logs(machine) for machine in machines} == {
        group for group in groups if "/states/" in group
    }
    failures = {name for name in made if name.endswith("Failures")}
    assert len(failures) == len(machines)


def test_a_star_has_a_written_reason(template):
    loaded = ENVIRONMENTS["everything"]
    for properties in resolved(template, loaded).values():
        for policy in properties.get("Policies", []):
            statements = policy["PolicyDocument"]["Statement"]
            wide = {s["Sid"] for s in statements if "*" in (s["Resource"], *s["Resource"])}
            assert wide <= set(STARS)
            assert not any("*" in action for s in statements for action in s["Action"])


def test_a_role_is_passed_to_one_service_only(template):
    for actor, document in all_documents(ENVIRONMENTS["everything"]).items():
        for statement in document["policy"]["Statement"]:
            if "iam:PassRole" in statement["Action"]:
                services = statement["Condition"]["StringEquals"]["iam:PassedToService"]
                assert services == "sagemaker.amazonaws.com", actor


def test_what_holds_data_outlives_the_stack_and_a_failed_creation_leaves_nothing(template):
    for name in ("Bucket", "Key", "UndeliveredEvents"):
        node = template["Resources"][name]
        assert node["DeletionPolicy"] == "RetainExceptOnCreate"
        assert node["UpdateReplacePolicy"] == "Retain"


def test_a_reader_elsewhere_gets_its_prefix_and_nothing_more(template):
    made = resolved(template, ENVIRONMENTS["everything"])
    policy = by_sid(made["BucketPolicy"]["PolicyDocument"])
    assert policy["ReaderRead"]["Principal"] == {"AWS": READER}
    assert policy["ReaderRead"]["Resource"].endswith("/data/*")
    assert policy["ReaderList"]["Condition"] == {"StringLike": {"s3:prefix": "data/*"}}
    key = by_sid(made["Key"]["KeyPolicy"])["Reader"]
    assert key["Condition"]["StringEquals"]["kms:ViaService"] == "s3.eu-west-1.amazonaws.com"
    without = by_sid(resolved(template, ENVIRONMENTS["example"])["BucketPolicy"]["PolicyDocument"])
    assert set(without) == {"OnlyTls"}


def test_every_excuse_of_a_finding_has_its_reason(template):
    text = json.dumps(template)
    assert '"comment": ""' not in text
    for node in template["Resources"].values():
        for skipped in node.get("Metadata", {}).get("checkov", {}).get("skip", []):
            assert len(skipped["comment"]) > 20
