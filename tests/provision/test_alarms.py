"""Alarms are put as described; ours that are no longer described go."""

import dataclasses

import pytest

from statemachine.alarms import alarms

NAME = "breedline-latency"


@pytest.fixture
def cloudwatch(clients):
    return clients("cloudwatch")


def with_alarms(loaded, **changed):
    return dataclasses.replace(loaded, alarms=dataclasses.replace(loaded.alarms, **changed))


def latency(loaded, **changed):
    """The request of one alarm."""
    (request,) = (request for request in alarms(loaded) if request["AlarmName"] == NAME)
    return {**request, **changed}


def names(cloudwatch):
    return sorted(alarm["AlarmName"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"])


def test_an_alarm_is_put_and_tagged(upsert, cloudwatch, local):
    upsert()
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[NAME])["MetricAlarms"]
    request = latency(local)
    assert {key: alarm[key] for key in request} == request
    tags = cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
    expected = {**local.tags, "endpoint": "breedline"}
    assert {tag["Key"]: tag["Value"] for tag in tags} == expected


def test_a_changed_limit_is_an_update_of_one_alarm(upsert, replan, local):
    upsert()
    loaded = with_alarms(local, latency_p90_ms=1_500)
    (change,) = replan(loaded)
    assert (change.name, change.reason) == (NAME, "Threshold differs")
    assert change.diff == ("Threshold: 1000000.0 -> 1500000.0",)
    upsert(loaded)
    assert replan(loaded) == []


def test_the_order_of_dimensions_is_no_difference(upsert, replan, local):
    upsert()
    turned = [{**alarm, "Dimensions": alarm["Dimensions"][::-1]} for alarm in alarms(local)]
    assert replan(alarms=turned) == []


def test_tags_reach_an_alarm_that_was_there_before(upsert, replan, cloudwatch, local):
    cloudwatch.put_metric_alarm(**latency(local))
    upsert()
    assert replan() == []


def test_an_alarm_that_is_no_longer_described_is_deleted(upsert, replan, cloudwatch, local):
    upsert(with_alarms(local, min_confidence=0.5))
    assert "breedline-drift" in names(cloudwatch)
    topic, change, rule = replan()
    assert topic.resource == "topic"  # to which it may not publish any more
    assert str(change).startswith("- delete alarm")
    assert (change.name, change.reason) == (
        "breedline-drift",
        "the settings no longer describe it",
    )
    assert (rule.name, rule.kind) == ("breedline-drift", "update")  # it is switched off
    upsert()
    assert names(cloudwatch) == [alarm["AlarmName"] for alarm in alarms(local)]
    assert replan() == []


def test_a_foreign_alarm_with_our_prefix_stays(upsert, replan, cloudwatch, local):
    upsert()
    others = {
        "breedline-by-hand": {},
        "breedline-two-latency": {**local.tags, "endpoint": "breedline-two"},
        "breedline-elsewhere": {**local.tags, "endpoint": "breedline", "environment": "other"},
    }
    for name, tags in others.items():
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        cloudwatch.put_metric_alarm(**latency(local, AlarmName=name), Tags=listed)
    assert replan() == []
