"""Least privilege, proven: of the roles that the foundation's stack makes, one for each actor.

Every call is held against the policies of the role that made it, as IAM has them after the stack
was deployed, and every service that acted in a role's name against the role's trust. What is
granted and not needed has its reason in unused_permissions.json. `upsert` makes its roles by the
same functions.
"""

import dataclasses
import json
from pathlib import Path

import pytest

import settings
from local.iam.caller import Caller
from local.iam.calls import trust_context
from local.iam.documents import read_statements
from pipeline.policies import job_documents
from statemachine.names import Names
from statemachine.policies import role_documents
from tests.end_to_end.command_line import CommandLine
from tests.end_to_end.firm import found, let_it_all_happen
from tests.end_to_end.grants import Call, Grant, Proof, Reason, grants_of, trust_of

VARYING = {"aws:CurrentTime", "aws:EpochTime"}
REASONS = [
    Reason(row["actor"], row["sid"], tuple(row["actions"]), tuple(row.get("on", ())), row["why"])
    for row in json.loads(
        (Path(__file__).parent / "unused_permissions.json").read_text(encoding="utf-8")
    )
]


@pytest.fixture(scope="module")
def firm(tmp_path_factory):
    """An environment on the stack, where all has happened that its roles are there for."""
    folder = tmp_path_factory.mktemp("firm")
    watched = {"BREEDLINE_RECORD_CALLS": "1", "BREEDLINE_ENFORCE_IAM": "1"}
    own = CommandLine(folder / "state", watched)
    assert own.run("local", "start").returncode == 0
    made = found(own, folder)
    let_it_all_happen(made, folder)
    yield made
    own.run("local", "stop")


@pytest.fixture(scope="module")
def calls(firm):
    """What the actors asked for, each once, and which service was each of them."""
    actors = {arn_of(name): actor for actor, name in firm.roles.items()}
    asked = {}
    for line in firm.calls():
        if actor := actors.get(line["role"]):
            asked[_call(actor, line)] = line
            asked[_assumed(actor, line)] = line
    return asked


def arn_of(role):
    return f"arn:aws:iam::123456789012:role/{role}"


def _call(actor, line):
    given = {key: value for key, value in line.get("context", {}).items() if key not in VARYING}
    context = json.dumps(given, sort_keys=True)
    return Call(actor, line["action"] or "", line.get("resource", ""), context)


def _assumed(actor, line):
    context = trust_context(Caller(line["role"], line["session"], line["assumed_by"]))
    text = json.dumps(context, sort_keys=True)
    return Call(actor, "sts:AssumeRole", line["role"], text, line["assumed_by"])


def identity_of(iam, role):
    """All policies of a role: its own, and the managed ones that are attached."""
    own = iam.list_role_policies(RoleName=role)["PolicyNames"]
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    return [
        *(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in own),
        *(managed(iam, policy["PolicyArn"]) for policy in attached),
    ]


def managed(iam, arn):
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


@pytest.fixture(scope="module")
def proof(firm, calls):
    iam, boundaries = firm.own.client("iam"), {}
    grants: list[Grant] = []
    for actor, name in firm.roles.items():
        role = iam.get_role(RoleName=name)["Role"]
        for document in identity_of(iam, name):
            grants += grants_of(actor, document)
        grants += trust_of(actor, role["Arn"], role["AssumeRolePolicyDocument"])
        if bound := role.get("PermissionsBoundary"):
            document = managed(iam, bound["PermissionsBoundaryArn"])
            boundaries[actor] = read_statements(document)
    return Proof(calls, grants, REASONS, boundaries)


def test_all_of_it_went_well_under_the_stacks_roles(firm):
    happened = firm.happened
    assert happened["trained"]["status"] == "Succeeded"
    assert happened["deployed"]["deployment"]["status"] == "SUCCEEDED"
    assert happened["deployed"]["smoke_tests"]["failed"] == 0
    assert happened["on EC2"]["status"] == "Succeeded"
    assert happened["second"]["status"] == "SUCCEEDED"
    assert happened["back"] == 0
    assert [each["status"] for each in firm.executions("retrain")] == ["SUCCEEDED"]
    assert happened["retrained"] == ["Succeeded", "Succeeded"]
    assert "label" in happened["asked"]["body"]


def test_a_version_of_a_partner_arrives_and_waits_for_approval(firm):
    assert [each["status"] for each in firm.executions("promote")] == ["SUCCEEDED"]
    told = firm.happened["promoted"]["CustomerMetadataProperties"]
    assert told["source_model_package"] == firm.happened["given"]
    assert firm.happened["promoted"]["ModelApprovalStatus"] == "PendingManualApproval"


def test_every_role_is_the_stacks_and_has_the_policies_that_upsert_would_put(firm):
    iam, loaded = firm.own.client("iam"), firm.settings
    documents = {**job_documents(loaded), **role_documents(loaded)}
    assert set(firm.roles) == set(documents)
    for actor, name in firm.roles.items():
        role = iam.get_role(RoleName=name)["Role"]
        assert {"Key": "foundation", "Value": "firm-foundation"} in role["Tags"]
        (policy,) = identity_of(iam, name)
        assert by_sid(policy) == by_sid(documents[actor]["policy"]), actor
        assert role["AssumeRolePolicyDocument"] == documents[actor]["trust"], actor


def by_sid(policy):
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def test_without_a_stack_upsert_makes_roles_with_the_same_policies(command_line):
    command_line.run("upsert")
    iam, loaded = command_line.client("iam"), settings.load("local")
    for actor, document in role_documents(loaded).items():
        assert identity_of(iam, Names(loaded).made_role(actor)) == [document["policy"]], actor


def test_every_actor_has_called_and_every_operation_is_known(firm, calls):
    assert {call.actor for call in calls} == set(firm.roles)
    unknown = {(c["service"], c["operation"]) for c in calls.values() if c["action"] is None}
    assert unknown == set(), "put them into local/iam's tables"


def test_every_call_is_allowed_and_every_grant_is_needed_or_excused(proof):
    assert proof.problems() == []


def test_where_the_pipeline_and_its_jobs_share_a_role_it_is_enough_for_both(firm, calls):
    roles = dataclasses.replace(firm.settings.roles, jobs="")
    together = dataclasses.replace(firm.settings, roles=roles)
    policy = job_documents(together)["pipeline"]["policy"]
    theirs = [
        dataclasses.replace(
            call,
            actor="pipeline",
            resource=together.role_arn if call.action == "iam:PassRole" else call.resource,
        )
        for call in calls
        if call.actor in ("pipeline", "jobs") and not call.service
    ]
    problems = Proof(theirs, list(grants_of("pipeline", policy)), ()).problems()
    assert [problem for problem in problems if "nothing allows" in problem] == []


def test_without_any_one_permission_the_proof_fails_and_names_it(proof):
    for grant in proof.grants:
        said = "\n".join(proof.problems(removed=grant))
        assert grant.actor in said and grant.action in said, f"nobody misses {grant}"


def test_what_a_boundary_does_not_allow_is_a_problem(proof):
    bounded = Proof(proof.allowing, proof.grants, REASONS, {"endpoint": ()})
    assert all(problem.startswith("endpoint needs ") for problem in bounded.problems())
    assert bounded.problems() != []
