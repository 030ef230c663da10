"""The rollback on request: to which version, and what it leaves behind."""

from __future__ import annotations

import pytest

from tests.statemachine.faults import failing, named_tasks
from tests.statemachine.world import Environment, World

# Before anything is changed,
READING = ("AcquireLock", "DescribeEndpoint", "ReadMachine", "ListApproved", "DescribeTarget")
# and while the earlier version takes over. What both machines share is tried with the deployment.
CHANGING = (
    *("KeepRoadBack", "UpdateAtOnce", "RegisterScaling", "MoveAlias", "SmokeTest"),
    "TagEndpoint",
)


@pytest.fixture(scope="module")
def serving(world: World) -> Environment:
    """Versions 1 and 3 were live before 4; 2 was rejected, 5 is pending."""
    made = world.environment()
    statuses = ("Approved", "Rejected", "Approved", "Approved", "PendingManualApproval")
    for status in statuses:
        arn = made.package(status)
        if status == "Approved":
            assert made.deploy(arn)["status"] == "SUCCEEDED"
    made.messages()
    return made


def approvals(aws: Environment) -> dict[int, str]:
    listed = aws.client("sagemaker").list_model_packages(
        ModelPackageGroupName=aws.settings.pipeline.model_package_group
    )
    found = listed["ModelPackageSummaryList"]
    return {each["ModelPackageVersion"]: each["ModelApprovalStatus"] for each in found}


REFUSED = {
    2: ("TargetNotApproved", "Version 2 is Rejected: approve it first"),
    5: ("NotEarlier", "Version 5 is not older than the live 4"),
    404: ("NotEarlier", "Version 404 is not older than the live 4"),
    0: ("SageMaker.SageMakerException", "The state DescribeTarget failed"),
    "3": ("UnreadableVersion", 'to_version is "3"; a version is a number'),
}


@pytest.mark.parametrize("version", REFUSED)
def test_a_version_that_cannot_be_gone_back_to_is_refused_and_nothing_changes(serving, version):
    before, approved = serving.snapshot(), approvals(serving)
    ended = serving.roll_back(to_version=version)
    error, cause = REFUSED[version]
    assert (ended["status"], ended["error"]) == ("FAILED", error)
    assert cause in ended["cause"]
    (message,) = serving.messages()
    assert (message["event"], message["error"]) == ("RollbackFailed", error)
    assert serving.snapshot() == before
    assert approvals(serving) == approved


@pytest.mark.parametrize("state", (*READING, *CHANGING))
def test_a_rollback_that_fails_leaves_the_live_version_as_it_was(serving, state):
    before, approved = serving.snapshot(), approvals(serving)
    ended = serving.roll_back(failing(state))
    assert ended["status"] == "FAILED"
    assert f"The state {state} failed with " in ended["cause"]
    (message,) = serving.messages()
    assert (message["event"], message["state"]) == ("RollbackFailed", state)
    assert message["unrestored"] is None
    assert serving.snapshot() == before
    assert approvals(serving) == approved


def test_no_state_of_the_rollback_is_left_out(machines):
    own = named_tasks(machines["rollback"]).keys() - named_tasks(machines["deploy"]).keys()
    stand = {"RejectLive", "RejectLiveBriefly", "TellRolledBack"}  # below
    assert own - stand <= {*READING, *CHANGING}


def test_the_live_version_is_not_gone_back_to(serving):
    before = serving.snapshot()
    done = serving.roll_back(to_version=4)
    assert done["output"]["outcome"] == "AlreadyLive"
    assert done["output"]["live_version"] == 4
    assert serving.snapshot() == before


def test_without_a_version_it_is_the_approved_one_before_and_the_left_one_is_rejected(world):
    aws = world.environment()
    for status in ("Approved", "Rejected", "Approved"):
        arn = aws.package(status)
        aws.deploy(arn)
    aws.world.endpoints.updates.clear()
    aws.messages()
    done = aws.roll_back(reason="it takes cats for dogs")
    assert done["output"]["outcome"] == "RolledBack"
    assert done["output"]["version"] == 1
    assert aws.approval(arn) == ("Rejected", "Rolled back to version 1: it takes cats for dogs")
    after = aws.snapshot()
    assert after["endpoint"]["config"] == aws.config(1)
    assert after["endpoint"]["tags"]["model-version"] == "1"
    assert after["function"]["description"] == "Answers with model version 1"
    assert after["locks"] == []
    (message,) = aws.messages()
    assert (message["event"], message["version"], message["from_version"]) == ("RolledBack", 1, 3)
    assert message["rejected"] is True
    (update,) = aws.world.endpoints.updates
    assert "AutoRollbackConfiguration" not in update["DeploymentConfig"]
    nothing = aws.roll_back()
    assert (nothing["error"], aws.snapshot()) == ("NoEarlierVersion", after)


def test_an_older_version_that_is_named_is_gone_back_to_and_a_long_reason_left_out(world):
    aws = world.environment()
    for _ in range(3):
        arn = aws.package()
        aws.deploy(arn)
    assert aws.roll_back(to_version=1, reason="x" * 1_024)["output"]["version"] == 1
    assert approvals(aws) == {1: "Approved", 2: "Approved", 3: "Rejected"}
    assert aws.approval(arn) == ("Rejected", "Rolled back to version 1")


def test_a_rollback_stands_though_the_left_version_cannot_be_marked_nor_anybody_told(world):
    aws = world.environment()
    for _ in range(2):
        aws.deploy(aws.package())
    states = ("RejectLive", "RejectLiveBriefly", "TellRolledBack")
    done = aws.roll_back(failing(*states))
    assert done["output"]["outcome"] == "RolledBack"
    assert set(states) <= set(aws.states(done["executionArn"]))
    assert aws.snapshot()["endpoint"]["config"] == aws.config(1)
    assert aws.snapshot()["locks"] == []


def test_where_nothing_is_live_there_is_nothing_to_go_back_from(aws):
    ended = aws.roll_back()
    assert ended["error"] == "NothingIsLive"
    assert "There is no endpoint to take back" in ended["cause"]
    assert aws.snapshot()["locks"] == []
