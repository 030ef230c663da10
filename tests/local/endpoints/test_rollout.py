"""Updates under load: a new version takes over, or is sent back, and no request is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from local.errors import ApiError
from tests.local.endpoints import models
from tests.local.endpoints.serving import NAME, Load, Serving

BRIEF = {"MaximumExecutionTimeoutInSeconds": 600, "TerminationWaitInSeconds": 0}
CANARY = {
    "Type": "CANARY",
    "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
    "WaitIntervalInSeconds": 1,
}


@pytest.fixture
def serving(backend) -> Iterator[Serving]:
    opened = Serving(backend)
    opened.create(opened.config("one", models.version("one"), variant={"InitialInstanceCount": 2}))
    yield opened
    opened.close()


def blue_green(routing, alarms=(), **policy):
    config = {
        "BlueGreenUpdatePolicy": {**BRIEF, "TrafficRoutingConfiguration": routing, **policy},
    }
    if alarms:
        config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in alarms]}
    return config


def two(serving, handlers=None, **variant):
    handlers = handlers or models.version("two")
    return serving.config("two", handlers, variant={"InitialInstanceCount": 2, **variant})


@pytest.mark.parametrize(
    "config",
    [
        None,
        blue_green(CANARY),
        blue_green(
            {
                "Type": "LINEAR",
                "LinearStepSize": {"Type": "INSTANCE_COUNT", "Value": 1},
                "WaitIntervalInSeconds": 0,
            }
        ),
        {
            "RollingUpdatePolicy": {
                "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
                "WaitIntervalInSeconds": 0,
            }
        },
    ],
    ids=["at once", "canary", "linear", "rolling"],
)
def test_a_new_version_takes_over_without_a_lost_request(serving, config):
    two(serving)
    with Load(serving) as load:
        load.await_answers("one", 10)
        described = serving.update("two", **({"DeploymentConfig": config} if config else {}))
        load.await_answers("two", 10)
    assert load.failures == []
    assert described["EndpointConfigName"] == "two"
    assert "FailureReason" not in described
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert serving.said() == "two"


def test_a_canary_answers_a_part_of_the_requests_and_is_described(serving):
    two(serving)
    waiting = CANARY | {"WaitIntervalInSeconds": 3}
    serving.call(
        "UpdateEndpoint",
        EndpointName=NAME,
        EndpointConfigName="two",
        DeploymentConfig=blue_green(waiting),
    )
    described = serving.until(lambda found: "PendingDeploymentSummary" in found)
    assert described["EndpointConfigName"] == "one"
    assert described["PendingDeploymentSummary"]["EndpointConfigName"] == "two"
    answers = [serving.said() for _ in range(200)]
    assert 60 < answers.count("two") < 140
    assert serving.settled()["EndpointConfigName"] == "two"


def test_an_alarm_that_rings_sends_the_new_version_back(serving):
    alarm = serving.alarm("errors")
    two(serving)
    waiting = blue_green(CANARY | {"WaitIntervalInSeconds": 30}, ["errors"])
    serving.call(
        "UpdateEndpoint", EndpointName=NAME, EndpointConfigName="two", DeploymentConfig=waiting
    )
    with Load(serving) as load:
        load.await_answers("two")
        alarm.state_value = "ALARM"
        described = serving.settled()
        load.await_answers("one", 10)
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == "one"
    assert "errors" in described["FailureReason"]
    assert load.failures == []
    assert {serving.said() for _ in range(20)} == {"one"}


def test_an_alarm_may_ring_while_the_old_fleet_still_stands(serving):
    alarm = serving.alarm("errors")
    two(serving)
    at_once = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    config = blue_green(at_once, ["errors"], TerminationWaitInSeconds=30)
    serving.call(
        "UpdateEndpoint", EndpointName=NAME, EndpointConfigName="two", DeploymentConfig=config
    )
    with Load(serving) as load:
        load.await_answers("two", 5)
        alarm.state_value = "ALARM"
        assert serving.settled()["EndpointConfigName"] == "one"
    assert load.failures == []


@pytest.mark.parametrize(
    "config",
    [
        None,
        {
            "RollingUpdatePolicy": {
                "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
                "WaitIntervalInSeconds": 0,
            }
        },
    ],
)
def test_a_version_that_does_not_come_up_changes_nothing(serving, config):
    two(serving, models.EXITS_AT_LOAD)
    with Load(serving) as load:
        described = serving.update("two", **({"DeploymentConfig": config} if config else {}))
        load.await_answers("one", 10)
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == "one"
    assert "no weights in here" in described["FailureReason"]
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert load.failures == []


def test_a_rolling_update_that_is_sent_back_ends_with_the_whole_fleet(serving):
    alarm = serving.alarm("errors")
    two(serving)
    config = {
        "RollingUpdatePolicy": {
            "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
            "WaitIntervalInSeconds": 30,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
    }
    serving.call(
        "UpdateEndpoint", EndpointName=NAME, EndpointConfigName="two", DeploymentConfig=config
    )
    serving.until(lambda found: found["ProductionVariants"][0]["CurrentInstanceCount"] == 1)
    alarm.state_value = "ALARM"
    described = serving.settled()
    assert described["EndpointConfigName"] == "one"
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2


def test_what_is_retained_and_what_is_not(serving):
    serving.call(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName=NAME,
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 3}],
    )
    serving.settled()
    two(serving)
    described = serving.update("two", RetainAllVariantProperties=True)
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 3
    described = serving.update("one")
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    described = serving.update(
        "two",
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredInstanceCount"}],
    )
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2


def test_alarms_that_are_not_there_and_canaries_too_large_are_refused(serving):
    two(serving)
    with pytest.raises(ApiError, match="Could not find the alarms absent"):
        serving.update("two", DeploymentConfig=blue_green(CANARY, ["absent"]))
    large = CANARY | {"CanarySize": {"Type": "INSTANCE_COUNT", "Value": 2}}
    with pytest.raises(ApiError, match="more than half of the fleet"):
        serving.update("two", DeploymentConfig=blue_green(large))
    assert serving.describe()["EndpointStatus"] == "InService"


def test_a_server_that_stops_in_an_update_comes_back_with_the_version_before(serving):
    two(serving, models.NEVER_HEALTHY)
    serving.call("UpdateEndpoint", EndpointName=NAME, EndpointConfigName="two")
    assert serving.describe()["EndpointStatus"] == "Updating"
    time.sleep(0.1)
    again = Serving(serving.backend)
    again.endpoints.recover()
    try:
        described = again.describe()
        assert described["EndpointStatus"] == "InService"
        assert described["EndpointConfigName"] == "one"
        assert "stopped during the update" in described["FailureReason"]
        assert again.said() == "one"
    finally:
        again.close()
