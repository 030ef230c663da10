"""`bootstrap` on the embedded AWS: the plan, the stack, its second run, and what outlives it."""

from __future__ import annotations

import json

import pytest

import settings
from definitions import local_folder
from local.connection import ensure_server, stop_server
from pipeline.policies import job_documents
from statemachine.policies import role_documents

BUCKET = "breedline-local-123456789012-eu-west-1"
MORE = """
[local.foundation]
key = true
network = true
monthly_budget_usd = 50
reader_arn = "arn:aws:iam::444455556666:role/reader"
"""


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """The settings of an environment that leaves nothing to others."""
    text = settings.ENVIRONMENTS.read_text(encoding="utf-8")
    text = text.replace("[local.model]", f"{MORE}\n[local.model]", 1)
    text = text.replace("[local.aws]", '[local.aws]\nkms_key = "alias/breedline"', 1)
    text = text.replace("[local.alarms]", '[local.alarms]\nemails = ["a@example.com"]', 1)
    path = tmp_path_factory.mktemp("settings") / "environments.toml"
    path.write_text(text, encoding="utf-8")
    return path


def kinds(result):
    return {change["name"]: change["kind"] for change in result["changes"]}


def test_without_a_terminal_and_without_yes_nothing_is_made(account, call):
    refused = call("bootstrap")
    assert refused.code == 1
    assert "there is no terminal to ask at" in refused.err
    assert account.client("iam").list_roles()["Roles"] == []


def test_a_dry_run_shows_the_plan_and_leaves_no_stack(account, call):
    shown = call("bootstrap", "--dry-run", "--json")
    assert shown.code == 0
    assert set(kinds(shown.result).values()) == {"create"}
    assert "Bucket" in kinds(shown.result)
    assert account.client("cloudformation").describe_stacks()["Stacks"] == []


def test_the_foundation_is_made_and_upsert_changes_nothing_of_it(account, call, everything):
    made = call("bootstrap", "--yes", "--settings", str(everything))
    assert made.code == 0, made.err
    assert 'For environments.toml: aws.subnets = ["subnet-' in made.out
    assert "create complete      AWS::KMS::Key Key" in made.err

    loaded = settings.load("local", everything)
    iam = account.client("iam")
    documents = {**job_documents(loaded), **role_documents(loaded)}
    names = {"pipeline": "breedline-execution"}
    for actor, document in documents.items():
        name = names.get(actor) or account.names.made_role(actor)
        policy = iam.get_role_policy(RoleName=name, PolicyName="breedline")["PolicyDocument"]
        statements = {s["Sid"]: s for s in policy["Statement"] if s["Sid"] != "Network"}
        assert statements == {s["Sid"]: s for s in document["policy"]["Statement"]}

    upserted = call("upsert", "--settings", str(everything), "--json")
    assert upserted.code == 0, upserted.err
    owned = {"role", "bucket", "queue", "log-group"}
    assert not [done for done in upserted.result["applied"] if done["resource"] in owned]
    # Subscriptions are the environment's: a template cannot repeat one for each address.
    (topic,) = [done for done in upserted.result["applied"] if done["resource"] == "topic"]
    assert topic["diff"] == ['emails: none -> ["a@example.com"]']
    assert call("diff", "--settings", str(everything)).code == 0


def test_a_second_run_changes_nothing_and_a_restart_forgets_nothing(account, call, everything):
    again = call("bootstrap", "--yes", "--settings", str(everything))
    assert (again.code, again.out) == (0, "Nothing to change.\n")
    stop_server(local_folder())
    connection, _ = ensure_server(local_folder(), account.connection.region)
    object.__setattr__(account, "connection", connection)
    again = call("bootstrap", "--yes", "--settings", str(everything))
    assert (again.code, again.out) == (0, "Nothing to change.\n")
    assert account.client("s3").get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    blocks = {v["CidrBlock"] for v in account.client("ec2").describe_vpcs()["Vpcs"]}
    assert "10.20.0.0/20" in blocks
    budgets = account.client("budgets").describe_budgets(AccountId="123456789012")["Budgets"]
    assert [budget["BudgetLimit"]["Amount"] for budget in budgets] == ["50"]


def test_fewer_wishes_are_shown_as_deletions_and_deleted(account, call, everything):
    text = everything.read_text(encoding="utf-8").replace("network = true", "network = false")
    fewer = everything.with_name("fewer.toml")
    fewer.write_text(text, encoding="utf-8")
    shown = call("bootstrap", "--dry-run", "--json", "--settings", str(fewer))
    assert kinds(shown.result)["Network"] == "delete"
    assert kinds(shown.result)["PipelineRole"] == "update"  # it no longer needs interfaces
    done = call("bootstrap", "--yes", "--settings", str(fewer))
    assert done.code == 0, done.err
    blocks = {v["CidrBlock"] for v in account.client("ec2").describe_vpcs()["Vpcs"]}
    assert "10.20.0.0/20" not in blocks


def test_destroy_leaves_the_foundation_and_its_deletion_leaves_the_data(account, call, everything):
    where = ("--settings", str(everything))
    destroyed = call("destroy", "--yes", "--json", *where)
    assert destroyed.code == 0, destroyed.err
    kept = {c["reason"] for c in destroyed.result["kept"] if c["resource"] in ("role", "topic")}
    assert kept == {"the stack 'breedline-foundation' has it"}

    shown = call("bootstrap", "--delete", "--dry-run", "--json", *where)
    assert kinds(shown.result)["Bucket"] == "keep"
    deleted = call("bootstrap", "--delete", "--yes", *where)
    assert deleted.code == 0, deleted.err
    assert account.client("iam").list_roles()["Roles"] == []
    account.client("s3").head_bucket(Bucket=BUCKET)
    assert call("bootstrap", "--delete", "--yes", *where).out.startswith("There is no stack")

    # What outlived it is the environment's own again.
    assert call("destroy", "--yes", "--data", *where).code == 0
    assert account.client("s3").list_buckets()["Buckets"] == []
    assert account.client("sqs").list_queues().get("QueueUrls", []) == []


def test_what_is_there_already_fails_with_its_reason_and_a_way_out(account, call):
    iam = account.client("iam")
    iam.create_role(RoleName="breedline-execution", AssumeRolePolicyDocument=json.dumps({}))
    failed = call("bootstrap", "--yes")
    assert failed.code == 1
    last = failed.err.strip().splitlines()[-1]
    assert "AWS::IAM::Role PipelineRole failed" in last
    assert "already exists" in last
    assert "give it by its ARN in [roles] or aws.role_arn" in last
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["breedline-execution"]
    iam.delete_role(RoleName="breedline-execution")
    # What is left of the first attempt is no matter.
    assert call("bootstrap", "--dry-run").code == 0
    assert account.client("cloudformation").describe_stacks()["Stacks"] == []
