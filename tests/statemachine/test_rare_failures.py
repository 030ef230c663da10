"""Failures in states that only some circumstances lead to; `test_failures` has all the others."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import combinations
from typing import Any

import pytest

from tests.statemachine.faults import failing
from tests.statemachine.world import Environment, World, holding

OTHER_TYPE: dict[str, Any] = {"endpoint": {"instance_type": "ml.c5.xlarge"}}
# What a planned action may say besides its schedule.
WHEN: dict[str, Any] = {
    "Timezone": "Europe/Berlin",
    "StartTime": datetime(2030, 1, 1, 8, 30, tzinfo=timezone.utc),
    "EndTime": datetime(2031, 1, 1, tzinfo=timezone.utc),
}
ONE_INSTANCE: dict[str, Any] = {"endpoint": {"instance_count": 1}, "scaling": {"min_capacity": 1}}


@pytest.fixture(scope="module")
def single(world: World) -> Environment:
    """One instance serves version 1, through a function that is not kept warm."""
    made = world.environment(**ONE_INSTANCE, function={"provisioned_concurrency": 0})
    assert made.deploy(made.package())["status"] == "SUCCEEDED"
    made.messages()
    return made


def failed(aws: Environment, *states: str) -> dict[str, Any]:
    """The one message of a deployment in which these states fail."""
    ended = aws.deploy(aws.package(), failing(*states))
    assert ended["status"] == "FAILED", ended
    (message,) = aws.messages()
    return message


def test_an_update_at_once_fails_as_a_canary_does(single):
    before = single.snapshot()
    assert failed(single, "UpdateAtOnce")["state"] == "UpdateAtOnce"
    assert single.snapshot() == before


def test_a_lost_reason_of_an_endpoint_that_does_not_serve_is_the_failure_itself(single):
    before, arn = single.snapshot(), single.package()
    config = single.config(int(arn.rpartition("/")[2]))
    single.world.endpoints.bad[config] = "No capacity"
    ended = single.deploy(arn, failing("ReadFailureReason"))
    assert "The state ReadFailureReason failed" in ended["cause"]
    assert single.snapshot() == before
    single.messages()


def test_a_function_that_cannot_be_cooled_is_told_and_the_rest_restored(single):
    before = single.snapshot()
    message = failed(single, "TellSuccess", "CoolBack")
    assert message["unrestored"]["state"] == "CoolBack"
    after = single.snapshot()
    for part in ("endpoint", "scaling", "configs", "models", "locks"):
        assert after[part] == before[part]


@pytest.mark.parametrize("state", ("RejectPackage", "RejectBriefly"))
def test_a_mark_that_cannot_be_set_does_not_keep_the_failure_from_being_told(single, state):
    rejections = ("RejectPackage", "RejectBriefly")
    states = rejections[: rejections.index(state) + 1]
    message = failed(single, "CreateModel", *states)
    assert message["state"] == "CreateModel"
    assert single.snapshot()["locks"] == []
    if state == "RejectBriefly":
        assert message["unrestored"]["state"] == state


@pytest.mark.parametrize("state", ("TellFailure", "ReleaseAfterFailure"))
def test_the_last_states_of_a_failure_do_not_hide_it(single, state):
    ended = single.deploy(single.package(), failing("CreateModel", state))
    assert "The state CreateModel failed" in ended["cause"]
    assert len(single.messages()) == (state != "TellFailure")
    assert len(single.snapshot()["locks"]) == (state == "ReleaseAfterFailure")
    # A lock that nobody released is taken over by the next deployment, which releases it.
    failed(single, "CreateModel")
    assert single.snapshot()["locks"] == []


def test_a_lock_that_cannot_be_released_is_told_and_the_deployment_stands(world):
    aws = world.environment()
    done = aws.deploy(aws.package(), failing("ReleaseLock"))
    assert done["output"]["outcome"] == "Deployed"
    assert [message["event"] for message in aws.messages()] == ["Deployed", "LockIsKept"]
    done = aws.deploy(aws.package(), failing("ReleaseLock", "TellLockIsKept"))
    assert done["output"]["outcome"] == "Deployed"
    aws.messages()
    before = aws.snapshot()
    assert failed(aws, "TakeOver")["state"] == "TakeOver"
    assert failed(aws, "ReadLock")["state"] == "ReadLock"
    assert failed(aws, "DescribeHolder")["state"] == "DescribeHolder"
    assert aws.snapshot() == before
    older = f"{aws.package().rpartition('/')[0]}/1"
    ended = aws.deploy(older, failing("TellSuperseded"))
    assert "The state TellSuperseded failed" in ended["cause"]
    assert aws.snapshot()["endpoint"] == before["endpoint"]


def test_scaling_that_cannot_be_left_keeps_the_other_instance_type_away(world):
    aws = world.environment()
    aws.deploy(aws.package())
    aws.messages()
    before, other = aws.snapshot(), aws.reconfigured(**OTHER_TYPE)
    assert failed(other, "DeregisterScaling")["state"] == "DeregisterScaling"
    assert other.snapshot() == before
    # On the way back it is tried all the same.
    message = failed(other, "TellSuccess", "DeregisterBack")
    assert message["unrestored"]["state"] == "DeregisterBack"
    assert other.snapshot()["endpoint"] == before["endpoint"]


def unscaled(world: World) -> Environment:
    """An endpoint that serves and does not scale."""
    aws = world.environment()
    aws.deploy(aws.package())
    aws.messages()
    target = {"ServiceNamespace": "sagemaker"}
    target["ResourceId"] = f"endpoint/{aws.names.endpoint}/variant/AllTraffic"
    target["ScalableDimension"] = "sagemaker:variant:DesiredInstanceCount"
    aws.client("application-autoscaling").deregister_scalable_target(**target)
    return aws


def test_what_did_not_scale_before_does_not_scale_after_a_failure(world):
    aws = unscaled(world)
    before = aws.snapshot()
    assert before["scaling"]["targets"] == []
    failed(aws, "SmokeTest")
    assert aws.snapshot() == before
    message = failed(aws, "SmokeTest", "DeregisterScalingBack")
    assert message["unrestored"]["state"] == "DeregisterScalingBack"


def test_limits_without_a_policy_are_restored_without_one(world):
    aws = unscaled(world)
    target = {"ServiceNamespace": "sagemaker", "MinCapacity": 1, "MaxCapacity": 9}
    target["ResourceId"] = f"endpoint/{aws.names.endpoint}/variant/AllTraffic"
    target["ScalableDimension"] = "sagemaker:variant:DesiredInstanceCount"
    aws.client("application-autoscaling").register_scalable_target(**target)
    before = aws.snapshot()
    assert before["scaling"]["targets"] == [(1, 9)]
    failed(aws, "SmokeTest")
    assert aws.snapshot() == before
    assert failed(aws, "SmokeTest", "RemovePolicy")["unrestored"]["state"] == "RemovePolicy"


@pytest.mark.parametrize(
    "fields", [(), *combinations(WHEN, 1), *combinations(WHEN, 2), tuple(WHEN)]
)
def test_a_planned_action_of_somebody_comes_back_with_its_zone_and_its_days(single, fields):
    scaling, action = (
        single.client("application-autoscaling"),
        {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{single.names.endpoint}/variant/AllTraffic",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
            "ScheduledActionName": "lunch",
        },
    )
    plan = {"Schedule": "cron(0 12 * * ? *)", "ScalableTargetAction": {"MinCapacity": 2}}
    scaling.put_scheduled_action(**action, **plan, **{key: WHEN[key] for key in fields})
    before = single.snapshot()
    assert failed(single, "SmokeTest")["unrestored"] is None
    assert single.snapshot() == before
    planned = before["scaling"]["planned"]["lunch"]
    assert [key for key in WHEN if planned[key]] == list(fields)
    scaling.delete_scheduled_action(**action)


@pytest.mark.parametrize("state", (None, "CreateEndpointBack"))
def test_an_endpoint_that_somebody_deletes_meanwhile_is_made_again(world, state):
    aws = world.environment()
    aws.deploy(aws.package())
    aws.messages()
    before, states = aws.snapshot(), ("SmokeTest", *([state] if state else []))

    def change(document: dict[str, Any]) -> None:
        failing(*states)(document)
        holding("FindRoadBack")(document)
        document["States"]["FindRoadBack"]["Seconds"] = 1

    execution = aws.start({"model_package_arn": aws.package()}, change=change)
    aws.reach(execution, "FindRoadBack")
    aws.client("sagemaker").delete_endpoint(EndpointName=aws.names.endpoint)
    assert aws.end(execution)["status"] == "FAILED"
    (message,) = aws.messages()
    if state:
        assert message["unrestored"]["state"] == state
        assert message["restored"] is None
    else:
        assert aws.snapshot()["endpoint"]["config"] == before["endpoint"]["config"]


def test_a_failed_endpoint_that_cannot_be_removed_is_a_failure(world):
    aws = world.environment()
    sagemaker, config = aws.client("sagemaker"), f"{aws.names.endpoint}-lost"
    variant = {"VariantName": "AllTraffic", "ModelName": "any", "InitialInstanceCount": 1}
    variant["InstanceType"] = "ml.m5.large"
    sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant])
    aws.world.endpoints.bad[config] = "No capacity"
    sagemaker.create_endpoint(EndpointName=aws.names.endpoint, EndpointConfigName=config)
    assert failed(aws, "RemoveFailedEndpoint")["state"] == "RemoveFailedEndpoint"
    assert aws.snapshot()["endpoint"]["status"] == "Failed"
