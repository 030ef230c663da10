"""One deployment at a time, however often it is asked for, and whoever dies over it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.statemachine.faults import failing
from tests.statemachine.world import Environment, World, holding


def at_once(aws: Environment, *arns: str) -> list[dict[str, Any]]:
    """Deliver the approvals of packages at the same time; how the executions ended."""
    aws.machine()
    with ThreadPoolExecutor(len(arns)) as pool:
        started = list(pool.map(lambda arn: aws.deliver({"model_package_arn": arn}), arns))
    return [aws.end(execution) for execution in started]


def outcomes(ended: list[dict[str, Any]]) -> list[str]:
    assert [each["status"] for each in ended] == ["SUCCEEDED"] * len(ended), ended
    return sorted(each["output"]["outcome"] for each in ended)


def test_an_approval_that_is_delivered_twenty_times_at_once_deploys_once(aws):
    ended = at_once(aws, *[aws.package()] * 20)
    told = outcomes(ended)
    assert told.count("Deployed") == 1
    assert set(told) <= {"Deployed", "AlreadyDeploying", "AlreadyLive"}
    entered = [state for each in ended for state in aws.states(each["executionArn"])]
    for once in ("CreateModel", "CreateEndpointConfig", "CreateEndpoint", "PublishVersion"):
        assert entered.count(once) == 1
    assert aws.snapshot()["function"]["versions"] == ["$LATEST", "1"]
    assert aws.snapshot()["locks"] == []
    assert [message["event"] for message in aws.messages()] == ["Deployed"]


def test_an_approval_that_is_delivered_again_afterwards_changes_nothing(aws):
    arn = aws.package()
    aws.deploy(arn)
    before = aws.snapshot()
    assert set(outcomes(at_once(aws, arn, arn))) <= {"AlreadyLive", "AlreadyDeploying"}
    assert outcomes(at_once(aws, arn)) == ["AlreadyLive"]
    assert aws.snapshot() == before


def test_of_two_approvals_at_once_the_newest_version_is_live_and_both_are_told(aws):
    aws.deploy(aws.package())
    aws.messages()
    second, third = aws.package(), aws.package()
    ended = at_once(aws, second, third)
    assert ended[1]["output"]["outcome"] == "Deployed"
    assert ended[0]["output"]["outcome"] in ("Deployed", "Superseded")
    after = aws.snapshot()
    assert after["endpoint"]["config"] == aws.config(3)
    assert after["endpoint"]["tags"]["model-version"] == "3"
    assert after["locks"] == []
    told = {message["version"]: message["event"] for message in aws.messages()}
    assert told == {2: ended[0]["output"]["outcome"], 3: "Deployed"}


def test_the_newer_of_two_approvals_waits_for_the_older_one(aws):
    older, newer = aws.package(), aws.package()
    first = aws.start({"model_package_arn": older}, change=holding("SmokeTest"))
    aws.reach(first, "SmokeTest")
    second = aws.start({"model_package_arn": newer})
    aws.reach(second, "WaitForLockBriefly")
    assert aws.snapshot()["endpoint"]["config"] == aws.config(1)
    aws.client("stepfunctions").stop_execution(executionArn=first)
    assert aws.end(second)["output"]["outcome"] == "Deployed"
    assert aws.snapshot()["endpoint"]["config"] == aws.config(2)


def hurried(document: dict[str, Any]) -> None:
    """Two looks at the lock are as long as it takes."""
    for rule in document["States"]["WaitForLock"]["Choices"]:
        rule["NumericGreaterThanEquals"] = min(rule["NumericGreaterThanEquals"], 2)


def test_a_lock_that_is_held_for_too_long_is_left_to_its_holder(aws):
    holder = aws.start({"model_package_arn": aws.package()}, change=holding("CreateModel"))
    aws.reach(holder, "CreateModel")
    before, late = aws.snapshot(), aws.package()
    ended = aws.deploy(late, hurried)
    assert (ended["status"], ended["error"]) == ("FAILED", "LockIsHeld")
    assert f"{holder} has held the lock for too long" in ended["cause"]
    assert aws.snapshot() == before
    assert aws.approval(late)[0] == "Approved"
    aws.client("stepfunctions").stop_execution(executionArn=holder)


# Before anything is changed, in the midst of it, and at the very end.
DEATHS = ("CreateModel", "AwaitEndpoint", "MayRelease")


@pytest.fixture(scope="module")
def serving(world: World) -> Environment:
    """An endpoint that serves version 1."""
    made = world.environment()
    assert made.deploy(made.package())["status"] == "SUCCEEDED"
    return made


@pytest.mark.parametrize("state", DEATHS)
def test_the_lock_of_a_killed_deployment_is_taken_over(serving, state):
    serving.kill(serving.package(), state)
    assert serving.snapshot()["locks"]
    newest = serving.package()
    ended = serving.deploy(newest)
    assert ended["output"]["outcome"] == "Deployed"
    after, version = serving.snapshot(), int(newest.rpartition("/")[2])
    assert after["endpoint"]["config"] == serving.config(version)
    assert after["function"]["alias"] == {"live": ended["output"]["function_version"]}
    assert after["locks"] == []


@pytest.mark.parametrize("state", DEATHS)
def test_the_next_one_that_fails_goes_back_to_before_the_killed_deployment(serving, state):
    before = serving.snapshot()
    serving.kill(serving.package(), state)
    ended = serving.deploy(serving.package(), failing("CreateModel"))
    assert ended["status"] == "FAILED"
    after = serving.snapshot()
    for part in ("endpoint", "scaling", "locks"):
        assert after[part] == before[part]
    for part in ("alias", "provisioned"):
        assert after["function"][part] == before["function"][part]


def test_a_failed_look_at_the_endpoint_leaves_the_killed_ones_road_back_in_the_lock(serving):
    before = serving.snapshot()
    serving.kill(serving.package(), "MoveAlias")
    assert serving.deploy(serving.package(), failing("DescribeEndpoint"))["status"] == "FAILED"
    (lock,) = serving.snapshot()["locks"]
    assert json.loads(lock["WayBack"]["S"])["config"] == before["endpoint"]["config"]
    serving.deploy(serving.package(), failing("SmokeTest"))
    assert serving.snapshot()["endpoint"] == before["endpoint"]


def test_a_version_whose_deployment_was_killed_does_not_pass_for_live(aws):
    aws.deploy(aws.package())
    older, half = aws.package(), aws.package()
    aws.kill(half, "SmokeTest")
    assert aws.snapshot()["endpoint"]["config"] == aws.config(3)
    assert aws.deploy(older)["output"]["outcome"] == "Superseded"
    assert aws.roll_back(to_version=3)["output"]["outcome"] == "AlreadyLive"
    assert aws.snapshot()["locks"]
    again = aws.deploy(half)
    assert again["output"]["outcome"] == "Deployed"
    assert again["output"]["smoke_tests"]["failed"] == 0
    assert aws.snapshot()["locks"] == []


def test_a_killed_first_deployment_is_undone_by_the_next_one_that_fails(aws):
    before = aws.snapshot()
    aws.kill(aws.package(), "SmokeTest")
    ended = aws.deploy(aws.package(), failing("CreateModel"))
    assert ended["status"] == "FAILED"
    (message,) = aws.messages()
    assert message["unrestored"] is None
    after = aws.snapshot()
    for part in ("endpoint", "scaling", "locks"):
        assert after[part] == before[part]
    assert after["function"]["alias"] == {}


def test_a_lock_of_an_execution_that_nobody_knows_is_taken_over(aws):
    gone = aws.names.arn("states", f"execution:{aws.names.state_machine('deploy')}:gone")
    item = {"Name": {"S": f"endpoint/{aws.names.endpoint}"}, "Holder": {"S": gone}}
    item |= {"Version": {"N": "1"}, "WayBack": {"S": ""}}
    aws.client("dynamodb").put_item(TableName=aws.names.table, Item=item)
    assert aws.deploy(aws.package())["output"]["outcome"] == "Deployed"
    assert aws.snapshot()["locks"] == []
