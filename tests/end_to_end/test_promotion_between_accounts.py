"""From one account to another: each an embedded AWS of its own, both asking what roles may.

The environments call everything the same, as those of one definition in two accounts do.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

import settings
from commands.definition import make_plan
from commands.registry import decide
from local.connection import ACCOUNT, account_folder, find_server
from provision.apply import apply
from provision.change import Clients
from settings.promotion import Promotion
from tests.end_to_end.command_line import CommandLine
from tests.end_to_end.promoting import Pair
from tests.end_to_end.stage import Stage, open_stage, pictures, settings_of, until

OTHER, REGION, NAME = "210987654321", "eu-west-1", "dogs"
WORKFLOW = f"arn:aws:iam::{OTHER}:role/{NAME}-{REGION}-workflow"
PARTNERS = {
    "dev": f'to_account = "{OTHER}"\nto_role = "{WORKFLOW}"\n',
    "prod": f"""from_account = "{ACCOUNT}"
from_group = "{NAME}"
from_bucket = "breedline-dev-{ACCOUNT}-{REGION}"
""",
}


def written(environment: str, account: str) -> str:
    text = settings_of(environment, {}).replace(f'"{environment}"', f'"{NAME}"')
    partners = f"[{environment}.promotion]\n{PARTNERS[environment]}"
    return text.replace(ACCOUNT, account) + partners


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("accounts")
    own = CommandLine(folder / "state", {"BREEDLINE_ENFORCE_IAM": "1"})
    for account in (ACCOUNT, OTHER):
        assert own.run("local", "start", "--account", account).returncode == 0
    file = folder / "accounts.toml"
    file.write_text(written("dev", ACCOUNT) + written("prod", OTHER))
    there = find_server(account_folder(folder / "state", OTHER))
    assert there is not None
    # A policy can name a role only once that is there.
    prod = open_stage(there, settings.load("prod", file), folder)
    dev = open_stage(own.connection, settings.load("dev", file), folder)
    yield Pair(dev, prod, CommandLine(folder / "state", there.environment()), str(file))
    own.run("local", "stop")


@pytest.fixture(scope="module")
def source(pair: Pair) -> str:
    """A version that was approved in `dev`, and came to `prod` by the event of that."""
    arn = pair.dev.register()
    decide(pair.dev.session, arn, "Approved")
    until(lambda: pair.promotions())
    return arn


def test_what_one_account_approves_arrives_in_the_other_once_and_is_deployed(pair, source):
    (version,) = pair.versions()
    assert version["ModelApprovalStatus"] == "PendingManualApproval"
    told = pair.promoted(version)
    assert (told["source_model_package"], told["source_account"]) == (source, ACCOUNT)
    given = pair.dev.client("sagemaker").describe_model_package(ModelPackageName=source)
    uri = given["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = pair.dev.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert base64.b64encode(hashlib.sha256(body).digest()).decode() == told["sha256"]

    again(pair, source)
    until(lambda: len(pair.promotions()) == 2)
    asked = pair.promote("1")
    assert asked["output"]["outcome"] == "AlreadyPromoted"
    assert asked["output"]["model_package_arn"] == version["ModelPackageArn"]
    assert len(pair.versions()) == 1

    assert pair.prod.deploy(version["ModelPackageArn"])["status"] == "SUCCEEDED"
    assert pair.prod.predict(pictures()["green"])["body"]["label"] == "green"
    # A group of that name is in both accounts: nothing of dev's was deployed.
    machine = pair.prod.names.state_machine_arn("deploy")
    ended = pair.prod.client("stepfunctions").list_executions(stateMachineArn=machine)
    assert len(ended["executions"]) == 1


def again(pair: Pair, source: str) -> None:
    """Let the event of an approval happen once more."""
    decide(pair.dev.session, source, "Rejected")
    decide(pair.dev.session, source, "Approved")


def execute(stage: Stage, kind: str, arn: str) -> dict[str, Any]:
    """An execution about a version, when it has ended."""
    states = stage.client("stepfunctions")
    started = states.start_execution(
        stateMachineArn=stage.names.state_machine_arn(kind),
        input=json.dumps({"model_package_arn": arn}),
    )

    def look() -> dict[str, Any]:
        found: dict[str, Any] = states.describe_execution(executionArn=started["executionArn"])
        return found

    until(lambda: look()["status"] != "RUNNING")
    return look()


@contextmanager
def without_group_policy(pair: Pair) -> Iterator[None]:
    sagemaker, group = pair.dev.client("sagemaker"), {"ModelPackageGroupName": NAME}
    policy = sagemaker.get_model_package_group_policy(**group)["ResourcePolicy"]
    sagemaker.delete_model_package_group_policy(**group)
    yield
    sagemaker.put_model_package_group_policy(**group, ResourcePolicy=policy)


@contextmanager
def without_bucket_policy(pair: Pair) -> Iterator[None]:
    s3, bucket = pair.dev.client("s3"), pair.dev.session.settings.bucket
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    yield
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)


@contextmanager
def without_bus_policy(pair: Pair) -> Iterator[None]:
    events = pair.prod.client("events")
    policy = events.describe_event_bus(Name="default")["Policy"]
    events.remove_permission(RemoveAllPermissions=True)
    yield
    events.put_permission(Policy=policy)


@contextmanager
def without_statement(stage: Stage, actor: str, sid: str) -> Iterator[None]:
    iam, role = stage.client("iam"), stage.names.made_role(actor)
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    given = {"RoleName": role, "PolicyName": name}
    policy = iam.get_role_policy(**given)["PolicyDocument"]
    left = [each for each in policy["Statement"] if each["Sid"] != sid]
    assert len(left) == len(policy["Statement"]) - 1
    iam.put_role_policy(**given, PolicyDocument=json.dumps({**policy, "Statement": left}))
    yield
    iam.put_role_policy(**given, PolicyDocument=json.dumps(policy))


def without_copying(pair: Pair) -> Any:
    return without_statement(pair.prod, "workflow", "PromotedObjects")


@pytest.mark.parametrize(
    ("taken", "action", "policy"),
    [
        (without_group_policy, "sagemaker:DescribeModelPackage", "resource-based"),
        (without_bucket_policy, "s3:ListBucket", "resource-based"),
        (without_copying, "s3:GetObject", "identity-based"),
    ],
)
def test_without_any_one_permission_to_read_nothing_is_promoted(
    pair, source, taken, action, policy
):
    before = len(pair.versions())
    with taken(pair):
        ended = execute(pair.prod, "promote", source)
    assert ended["status"] == "FAILED"
    assert f"is not authorized to perform: {action} on resource: " in ended["cause"]
    assert f"because no {policy} policy allows the {action} action" in ended["cause"]
    assert len(pair.versions()) == before


def without_telling(pair: Pair) -> Any:
    return without_statement(pair.dev, "events", "TellTaker")


@pytest.mark.parametrize(
    ("taken", "policy"),
    [(without_bus_policy, "resource-based"), (without_telling, "identity-based")],
)
def test_without_any_one_permission_to_tell_the_dead_letter_queue_has_the_event(
    pair, source, taken, policy
):
    sqs, states = pair.dev.client("sqs"), pair.prod.client("stepfunctions")
    machine = {"stateMachineArn": pair.prod.names.state_machine_arn("promote")}
    before = states.list_executions(**machine)["executions"]
    url = sqs.get_queue_url(QueueName=pair.dev.names.queue)["QueueUrl"]
    with taken(pair):
        again(pair, source)
        letters = {"QueueUrl": url, "MessageAttributeNames": ["All"], "WaitTimeSeconds": 20}
        (letter,) = sqs.receive_message(**letters)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
    assert json.loads(letter["Body"])["detail"]["ModelPackageArn"] == source
    told = {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()}
    assert told["ERROR_CODE"] == "NO_PERMISSIONS"
    because = f"because no {policy} policy allows the events:PutEvents action"
    assert because in told["ERROR_MESSAGE"]
    assert states.list_executions(**machine)["executions"] == before


def test_a_version_of_the_other_account_is_not_deployed_from_there(pair, source):
    ended = execute(pair.prod, "deploy", source)
    assert (ended["status"], ended["error"]) == ("FAILED", "WrongGroup")


def test_another_role_of_the_taker_may_not_read_whatever_its_own_policy_says(pair, source):
    iam, sts = pair.prod.client("iam"), pair.prod.client("sts")
    role = iam.create_role(RoleName="curious", AssumeRolePolicyDocument='{"Statement": []}')
    allowed = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    everything = {"Version": "2012-10-17", "Statement": allowed}
    iam.put_role_policy(RoleName="curious", PolicyName="p", PolicyDocument=json.dumps(everything))
    given = sts.assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="me")["Credentials"]
    keys = {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }
    options = {**pair.prod.connection.client_options(), **keys}
    bucket = pair.dev.session.settings.bucket
    with pytest.raises(ClientError, match="no resource-based policy allows the s3:ListBucket"):
        boto3.client("s3", **options).list_objects_v2(Bucket=bucket, Prefix="executions/")
    with pytest.raises(ClientError, match="no resource-based policy allows the sagemaker:Desc"):
        boto3.client("sagemaker", **options).describe_model_package(ModelPackageName=source)


def without_partner(stage: Stage) -> set[tuple[str, str]]:
    """Upsert with a partner taken out of the settings; what that deletes."""
    alone = dataclasses.replace(stage.session.settings, promotion=Promotion())
    session = dataclasses.replace(stage.session, settings=alone)
    planned = make_plan(session)
    apply(planned, Clients(session.client))
    deleted = [change for change in planned.changes if change.kind == "delete"]
    return {(change.resource, change.name) for change in deleted}


def test_an_upsert_without_the_partner_takes_back_what_it_was_granted(pair, source):
    s3, bucket = pair.dev.client("s3"), pair.dev.session.settings.bucket
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    foreign = {
        "Sid": "OnlyTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy["Statement"].append(foreign)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    assert without_partner(pair.dev) == {
        ("promotion-policy", NAME),
        ("promotion-policy", bucket),
        ("rule", f"{NAME}-forwarding"),
    }
    left = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert [statement["Sid"] for statement in left] == ["OnlyTls"]
    ended = execute(pair.prod, "promote", source)
    assert "because no resource-based policy allows the sagemaker:Describe" in ended["cause"]

    assert without_partner(pair.prod) == {
        ("promotion-policy", "default"),
        ("rule", f"{NAME}-promotion"),
    }
    assert "Policy" not in pair.prod.client("events").describe_event_bus(Name="default")
