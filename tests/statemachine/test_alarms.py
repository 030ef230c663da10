"""The guards of a rollout, and the alarm of drift, as CloudWatch takes them."""

from __future__ import annotations

import dataclasses

import pytest

from local.shapes import Shapes
from statemachine.alarms import DRIFT, GUARDS, alarms, guard_names, has_drift_alarm
from statemachine.names import VARIANT, Names

SHAPES = Shapes("cloudwatch")


@pytest.mark.parametrize("environment", ("local", "example"))
def test_cloudwatch_takes_every_alarm(request, environment):
    for alarm in alarms(request.getfixturevalue(environment)):
        SHAPES.check("PutMetricAlarm", alarm)
        assert alarm["EvaluationPeriods"] * alarm.get("Period", 60) <= 604_800


def test_every_guard_is_an_alarm_of_this_endpoint_and_of_its_variant(example):
    found = {alarm["AlarmName"]: alarm for alarm in alarms(example)}
    assert guard_names(example) == [f"breedline-{kind}" for kind in GUARDS]
    for name in guard_names(example):
        parts = found[name].get("Metrics", [])
        measured = [each["MetricStat"]["Metric"] for each in parts if "MetricStat" in each]
        for metric in measured or [found[name]]:
            dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
            assert dimensions == {"EndpointName": "breedline", "VariantName": VARIANT}
            assert metric["Namespace"] == "AWS/SageMaker"


def test_latency_is_compared_in_microseconds(example):
    (latency,) = [a for a in alarms(example) if a["AlarmName"].endswith("-latency")]
    assert latency["Threshold"] == 1_000_000.0
    assert (latency["MetricName"], latency["ExtendedStatistic"]) == ("ModelLatency", "p90")


def test_an_endpoint_that_nobody_asks_is_well_and_a_state_is_told(example):
    for alarm in alarms(example):
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmActions"] == [Names(example).topic_arn]


def test_drift_is_watched_where_the_settings_have_a_limit(example, local):
    assert has_drift_alarm(example)
    assert not has_drift_alarm(local)
    assert Names(local).alarm(DRIFT) not in [alarm["AlarmName"] for alarm in alarms(local)]
    limits = dataclasses.replace(example.alarms, min_confidence=0.7)
    found = alarms(dataclasses.replace(example, alarms=limits))[-1]
    assert (found["Threshold"], found["ComparisonOperator"]) == (0.7, "LessThanThreshold")
