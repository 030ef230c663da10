"""A failure in each state in turn: all is as it was before, and the notification names the state.

The states come from the compiled document; `test_no_state_is_left_out` fails for a new one that
stands in none of the lists below. The tests of one list share an endpoint: each of them leaves it
as it was for the next, or it fails.
"""

from __future__ import annotations

from typing import Any

import pytest

from statemachine.definition import compile_machine
from tests.statemachine.faults import failing, named_tasks
from tests.statemachine.world import Environment, World, configured

CALENDAR = {"schedule": "cron(0 20 * * ? *)", "min_capacity": 1, "max_capacity": 2}
SCALING: dict[str, Any] = {
    "scaling": {"target_from": "measured", "scheduled": {"evening": CALENDAR}}
}
# Before anything is changed, with the lock or without it.
UNLOCKED = ("DescribePackage", "AcquireLock")
LOCKED = (
    *("DescribeEndpoint", "ReadFleet", "ReadMachine", "ReadAlias", "ReadProvisioned"),
    *("ReadFunction", "ReadScaling", "ReadScalingPolicy", "ReadSchedules", "KeepRoadBack"),
)
# While a version takes over from another one,
CHANGING = (
    *("CreateModel", "CreateEndpointConfig", "UpdateByCanary", "CheckEndpoint"),
    *("ReadMeasuredTarget", "RegisterScaling", "PutScalingPolicy", "ClearSchedules"),
    *("Schedule-evening", "UpdateFunction", "CheckFunction", "PublishVersion", "MoveAlias"),
    *("PutProvisioned", "CheckProvisioned", "SmokeTest", "TagEndpoint", "TellSuccess"),
)
# or is the first.
BEGINNING = (
    *("CreateModel", "CreateEndpointConfig", "CreateEndpoint", "CheckEndpoint"),
    *("RegisterScaling", "PutScalingPolicy", "Schedule-evening", "UpdateFunction", "MoveAlias"),
    *("CreateAlias", "CheckProvisioned", "SmokeTest", "TagEndpoint", "TellSuccess"),
)
# On the way back to the version before, after a failure at the very end,
BACK = (
    *("RestoreTag", "MoveAliasBack", "WarmBack", "RestoreDescription", "RemoveVersion"),
    *("CheckWayBack", "SendBack", "RegisterBack", "PutPolicyBack", "Unschedule-evening"),
    *("Reschedule", "RemoveConfig", "RemoveModel"),
)
# or to nothing.
BACK_TO_NOTHING = ("RemoveProvisioned", "RemoveAlias", "RemoveScaling", "RemoveEndpoint")
# In circumstances of their own: test_rare_failures.
ELSEWHERE = (
    *("ReadFailureReason", "UpdateAtOnce", "DeregisterScaling", "DeregisterBack", "CoolBack"),
    *("RemovePolicy", "DeregisterScalingBack", "CreateEndpointBack", "RemoveFailedEndpoint"),
    *("ReadLock", "DescribeHolder", "TakeOver", "TellSuperseded", "TellLockIsKept"),
    *("ReleaseLock", "RejectPackage", "RejectBriefly", "TellFailure", "ReleaseAfterFailure"),
)


def test_no_state_is_left_out():
    document = compile_machine("deploy", configured("any", SCALING))
    lists = (UNLOCKED, LOCKED, CHANGING, BEGINNING, BACK, BACK_TO_NOTHING, ELSEWHERE)
    assert set(named_tasks(document)) == {name for names in lists for name in names}


@pytest.fixture(scope="module")
def serving(world: World) -> Environment:
    """An endpoint that serves version 1."""
    made = world.environment(**SCALING)
    made.client("ssm").put_parameter(Name=made.names.parameter, Value="321.5", Type="String")
    assert made.deploy(made.package())["status"] == "SUCCEEDED"
    made.messages()
    return made


@pytest.fixture(scope="module")
def empty(world: World) -> Environment:
    """Nothing is deployed."""
    return world.environment(**SCALING)


def fail(aws: Environment, *states: str) -> tuple[str, dict[str, Any]]:
    """Deploy a new package with failing states: its ARN, and the one notification."""
    arn = aws.package()
    ended = aws.deploy(arn, failing(*states))
    assert ended["status"] == "FAILED", ended
    assert f"The state {states[0]} failed with " in ended["cause"]
    assert ended["error"] in ended["cause"]
    (message,) = aws.messages()
    assert message["event"] == "DeploymentFailed"
    assert message["state"] == states[0]
    assert message["error"] == ended["error"]
    return arn, message


@pytest.mark.parametrize("state", UNLOCKED)
def test_without_the_lock_nothing_is_changed_and_the_package_stays_approved(serving, state):
    before = serving.snapshot()
    arn, message = fail(serving, state)
    assert serving.snapshot() == before
    assert serving.approval(arn)[0] == "Approved"
    assert message["unrestored"] is None


@pytest.mark.parametrize("state", (*LOCKED, *CHANGING))
def test_the_version_before_serves_as_before_and_the_package_is_rejected(serving, state):
    before = serving.snapshot()
    arn, message = fail(serving, state)
    assert serving.snapshot() == before
    status, reason = serving.approval(arn)
    assert status == "Rejected"
    assert reason.startswith(f"{state} failed: ")
    assert message["unrestored"] is None
    if state in CHANGING:
        assert message["restored"] == before["endpoint"]["config"]


@pytest.mark.parametrize("state", BEGINNING)
def test_what_a_first_deployment_made_is_removed(empty, state):
    before = empty.snapshot()
    assert before["endpoint"] is None
    arn, message = fail(empty, state)
    assert empty.snapshot() == before
    assert empty.approval(arn)[0] == "Rejected"
    assert message["restored"] is message["unrestored"] is None


@pytest.fixture(scope="module")
def spoiled(world: World) -> Environment:
    """An endpoint that serves a version, and is not expected to be whole after a test."""
    made = world.environment(**SCALING)
    assert made.deploy(made.package())["status"] == "SUCCEEDED"
    made.messages()
    return made


@pytest.mark.parametrize("state", BACK)
def test_a_failure_on_the_way_back_is_told_beside_the_first_one(spoiled, state):
    arn, message = fail(spoiled, "TellSuccess", state)
    assert message["unrestored"]["state"] == state
    assert message["unrestored"]["cause"]
    assert spoiled.approval(arn)[0] == "Rejected"
    assert spoiled.snapshot()["locks"] == []
    if state in ("CheckWayBack", "SendBack"):
        assert message["restored"] is None


def test_a_failed_part_of_the_way_back_does_not_keep_the_others_from_it(world):
    aws = world.environment()
    aws.deploy(aws.package())
    before = aws.snapshot()
    aws.messages()
    _, message = fail(aws, "TellSuccess", "MoveAliasBack")
    after = aws.snapshot()
    assert message["restored"] == before["endpoint"]["config"]
    assert after["function"]["alias"] != before["function"]["alias"]
    for part in ("endpoint", "scaling", "configs", "models"):
        assert after[part] == before[part]


@pytest.mark.parametrize("state", BACK_TO_NOTHING)
def test_a_failure_while_a_first_deployment_is_removed_is_told(world, state):
    aws = world.environment(**SCALING)
    _, message = fail(aws, "TellSuccess", state)
    assert message["unrestored"]["state"] == state
    assert aws.snapshot()["locks"] == []
