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


def turned(value):
    """The same with all lists from back to front."""
    if isinstance(value, dict):
        return {key: turned(inner) for key, inner in value.items()}
    return [turned(inner) for inner in reversed(value)] if isinstance(value, list) else value


def test_the_order_of_metrics_and_dimensions_is_no_difference(upsert, replan, local):
    upsert()
    requests = [turned(alarm) for alarm in alarms(local)]
    assert requests != alarms(local)
    assert replan(alarms=requests) == []


def test_an_expression_that_differs_is_an_update(upsert, replan, cloudwatch, local):
    upsert()
    (request,) = (a for a in alarms(local) if a["AlarmName"] == "breedline-errors-model")
    [expression, *metrics] = request["Metrics"]
    changed = [{**expression, "Expression": "failed"}, *metrics]
    cloudwatch.put_metric_alarm(**{**request, "Metrics": changed})
    (change,) = replan()
    assert (change.name, change.kind) == ("breedline-errors-model", "update")
    line = 'Metrics.faults.Expression: "failed" -> "failed - FILL(refused, 0)"'
    assert change.diff == (line,)


def test_an_alarm_on_one_metric_becomes_one_on_an_expression(upsert, replan, cloudwatch, local):
    cloudwatch.put_metric_alarm(**latency(local, AlarmName="breedline-errors-model"))
    upsert()
    assert replan() == []
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["breedline-errors-model"])["MetricAlarms"]
    assert "MetricName" not in alarm


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
