"""From one environment to another: approved there, pending here, approved here, and live."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from commands.registry import decide
from tests.end_to_end.command_line import CommandLine
from tests.end_to_end.promoting import Pair
from tests.end_to_end.stage import open_stages, pictures, until

ACCOUNT = "123456789012"
TAKING = f"""from_account = "{ACCOUNT}"
from_group = "dev"
from_bucket = "breedline-dev-{ACCOUNT}-eu-west-1"
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("promoting")
    own = CommandLine(folder / "state", {"BREEDLINE_ENFORCE_IAM": "1"})
    assert own.run("local", "start").returncode == 0
    stages = open_stages(own.connection, folder, {"dev": {}, "prod": {"promotion": TAKING}})
    # As on AWS, where variables and not files say whom to ask.
    there = CommandLine(folder / "state", own.connection.environment())
    yield Pair(stages["dev"], stages["prod"], there, str(folder / "stages.toml"))
    own.run("local", "stop")


def test_an_approved_version_is_promoted_once_and_deployed(pair):
    arn = pair.dev.register()
    decide(pair.dev.session, arn, "Approved")
    until(lambda: pair.promotions())
    (version,) = pair.versions()
    assert version["ModelApprovalStatus"] == "PendingManualApproval"

    told = pair.promoted(version)
    assert (told["source_model_package"], told["source_account"]) == (arn, ACCOUNT)

    decide(pair.dev.session, arn, "Rejected")
    decide(pair.dev.session, arn, "Approved")  # its event comes again
    until(lambda: len(pair.promotions()) == 2)
    outcomes = [each["outcome"] for each in pair.promotions()]
    assert sorted(outcomes) == ["AlreadyPromoted", "Promoted"]
    asked = pair.promote()
    assert asked["output"]["outcome"] == "AlreadyPromoted"
    assert asked["output"]["model_package_arn"] == version["ModelPackageArn"]
    assert len(pair.versions()) == 1

    assert pair.prod.deploy(version["ModelPackageArn"])["status"] == "SUCCEEDED"
    answer = pair.prod.predict(pictures()["green"])
    assert answer["body"]["label"] == "green"


def test_what_nobody_approved_is_refused_in_one_sentence(pair):
    pair.dev.register(fault="slow")
    options = (f"--settings={pair.file}", "--env", "dev", "--to", "prod")
    refused = pair.command_line.run("promote", "2", *options)
    assert refused.returncode == 1
    assert "Version 2 is PendingManualApproval" in refused.stderr
    backwards = pair.command_line.run(
        "promote", f"--settings={pair.file}", "--env", "prod", "--to", "dev"
    )
    assert (
        "The environment 'dev' takes no other's versions: set promotion.from_account"
        in backwards.stderr
    )


def test_a_role_that_may_not_read_there_promotes_nothing_and_says_why(pair):
    iam, states = pair.prod.client("iam"), pair.prod.client("stepfunctions")
    role = pair.prod.names.made_role("workflow")
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    policy["Statement"] = [each for each in policy["Statement"] if each["Sid"] != "PromotedObjects"]
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))
    before = len(pair.versions())

    decide(pair.dev.session, pair.dev.register(fault="wrong"), "Approved")
    machine, failed = pair.prod.names.state_machine_arn("promote"), {"statusFilter": "FAILED"}
    until(lambda: states.list_executions(stateMachineArn=machine, **failed)["executions"])
    (execution,) = states.list_executions(stateMachineArn=machine, **failed)["executions"]
    told = states.describe_execution(executionArn=execution["executionArn"])
    assert "is not authorized to perform: s3:GetObject" in told["cause"]
    assert len(pair.versions()) == before
