"""What a deployment configuration means for a fleet of some size, and what it cannot mean."""

import pytest

from local.endpoints.deployment import Step, read_deployment
from local.errors import ApiError


def blue_green(routing=None, **policy):
    given = {"TrafficRoutingConfiguration": routing} if routing else {}
    return {"BlueGreenUpdatePolicy": {**given, **policy}}


def canary(kind, value, wait=5):
    size = {"Type": kind, "Value": value}
    return {"Type": "CANARY", "WaitIntervalInSeconds": wait, "CanarySize": size}


def linear(kind, value, wait=5):
    size = {"Type": kind, "Value": value}
    return {"Type": "LINEAR", "WaitIntervalInSeconds": wait, "LinearStepSize": size}


@pytest.mark.parametrize("given", [None, {}, blue_green()])
def test_all_traffic_shifts_at_once_where_nothing_else_is_said(given):
    deployment = read_deployment(given, 3)
    assert deployment.steps == (Step(1.0, 0.0),)
    assert deployment.alarms == ()
    assert deployment.batch == 0


@pytest.mark.parametrize(
    ("routing", "instances", "shares"),
    [
        (canary("INSTANCE_COUNT", 1), 2, [0.5, 1.0]),
        (canary("CAPACITY_PERCENT", 10), 20, [0.1, 1.0]),
        (canary("CAPACITY_PERCENT", 10), 2, [0.5, 1.0]),  # one instance is the least
        (linear("INSTANCE_COUNT", 1), 4, [0.25, 0.5, 0.75, 1.0]),
        (linear("CAPACITY_PERCENT", 33), 3, [1 / 3, 2 / 3, 1.0]),
        (linear("INSTANCE_COUNT", 2), 5, [0.4, 0.8, 1.0]),
    ],
)
def test_a_part_of_the_fleet_answers_first(routing, instances, shares):
    deployment = read_deployment(blue_green(routing, TerminationWaitInSeconds=7), instances)
    assert [step.share for step in deployment.steps] == pytest.approx(shares)
    assert [step.seconds for step in deployment.steps] == [5.0] * (len(shares) - 1) + [7.0]


def test_a_rolling_update_goes_by_batches():
    policy = {
        "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 40},
        "WaitIntervalInSeconds": 3,
    }
    deployment = read_deployment({"RollingUpdatePolicy": policy}, 5)
    assert deployment.batch == 2
    assert [step.share for step in deployment.steps] == pytest.approx([0.4, 0.8, 1.0])


def test_alarms_and_the_time_limit_are_kept():
    given = blue_green(MaximumExecutionTimeoutInSeconds=700)
    given["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": "a"}, {"AlarmName": "b"}]}
    deployment = read_deployment(given, 1)
    assert deployment.alarms == ("a", "b")
    assert deployment.seconds == 700


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (blue_green(canary("INSTANCE_COUNT", 2)), "CanarySize of 2 of 3 instances is more than"),
        (blue_green(canary("CAPACITY_PERCENT", 60)), "CanarySize of 60 percent is not within 1"),
        (blue_green({"Type": "CANARY", "WaitIntervalInSeconds": 1}), "needs CanarySize"),
        (blue_green({"Type": "LINEAR", "WaitIntervalInSeconds": 1}), "needs LinearStepSize"),
        (blue_green(linear("CAPACITY_PERCENT", 5)), "not within 10 and 50"),
        (
            {
                **blue_green(),
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
                    "WaitIntervalInSeconds": 0,
                },
            },
            "one of BlueGreenUpdatePolicy and RollingUpdatePolicy",
        ),
    ],
)
def test_what_sagemaker_refuses_is_refused_with_a_sentence(given, words):
    with pytest.raises(ApiError, match=words):
        read_deployment(given, 3)
