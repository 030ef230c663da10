"""Alarms on metric math, put by a client and judged over moto's real metric data."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.alarms.actions import sns_message
from local.alarms.transition import Change
from tests.local.alarms.conftest import ACCOUNT, REGION

DIMENSIONS = [{"Name": "EndpointName", "Value": "dogs"}]


@pytest.fixture(autouse=True)
def requests_go_to_moto():
    with mock_aws():
        yield


@pytest.fixture
def cloudwatch(world):
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.client("cloudwatch", region_name=REGION, **keys)


def stat(name, stat="Sum", period=10, **more):
    metric = {"Namespace": "AWS/SageMaker", "MetricName": name, "Dimensions": DIMENSIONS}
    return {"Metric": metric, "Period": period, "Stat": stat, **more}


def metrics(expression="all - FILL(known, 0)"):
    return [
        {"Id": "unknown", "Label": "Unknown", "Expression": expression, "ReturnData": True},
        {"Id": "all", "MetricStat": stat("Errors"), "ReturnData": False},
        {"Id": "known", "MetricStat": stat("Known", Unit="None"), "ReturnData": False},
    ]


def put(cloudwatch, **given):
    request = {
        "AlarmName": "errors",
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "Metrics": metrics(),
    }
    cloudwatch.put_metric_alarm(**request | given)


def known(world, value, at):
    metric = ("AWS/SageMaker", "Known", value, {"EndpointName": "dogs"})
    world.backend.metrics.put(*metric, 1_800_000_000 + at)


def test_an_alarm_is_described_as_it_was_put(cloudwatch):
    put(cloudwatch)
    [alarm] = cloudwatch.describe_alarms()["MetricAlarms"]
    assert alarm["Metrics"] == metrics()
    assert alarm["StateValue"] == "INSUFFICIENT_DATA"
    assert "MetricName" not in alarm


def test_the_value_of_the_expression_is_judged(cloudwatch, world):
    put(cloudwatch)
    world.point(5.0, at=3)
    known(world, 4.0, at=4)
    assert world.state(at=10) == "OK"
    world.point(5.0, at=13)
    assert world.state(at=20) == "ALARM"
    known(world, 4.5, at=14)  # late
    assert world.state(at=21) == "OK"
    data = json.loads(world.moto.alarms["errors"].state_reason_data)
    assert (data["period"], data["recentDatapoints"]) == (10, [0.5])
    assert "statistic" not in data
    assert "sampleCount" not in data["evaluatedDatapoints"][0]


def test_a_period_in_which_the_expression_has_no_value_is_treated_as_missing(cloudwatch, world):
    for treatment, state in (("notBreaching", "OK"), ("breaching", "ALARM")):
        put(cloudwatch, AlarmName=treatment, TreatMissingData=treatment)
        known(world, 4.0, at=3)
        assert world.state(at=10, name=treatment) == state
    put(cloudwatch, AlarmName="plain")
    assert world.state(at=10, name="plain") == "INSUFFICIENT_DATA"


def test_an_expression_may_be_made_of_others_and_of_percentiles(cloudwatch, world):
    queries = [
        {"Id": "twice", "Expression": "half * 4", "ReturnData": True},
        {"Id": "half", "Expression": "m1 / 2", "ReturnData": False},
        {"Id": "m1", "MetricStat": stat("Errors", "p90"), "ReturnData": False},
    ]
    put(cloudwatch, Metrics=queries, Threshold=17.9)
    for value in range(11):
        world.point(float(value), at=3)
    assert world.state(at=10) == "ALARM"
    data = json.loads(world.moto.alarms["errors"].state_reason_data)
    assert data["recentDatapoints"] == [18.0]


def test_one_metric_may_be_put_as_metrics(cloudwatch, world):
    put(cloudwatch, Metrics=[{"Id": "m1", "MetricStat": stat("Errors")}])
    world.point(2.0, at=3)
    assert world.state(at=10) == "ALARM"


def test_a_set_state_of_such_an_alarm_lasts_until_the_next_period(cloudwatch, world):
    put(cloudwatch, TreatMissingData="notBreaching")
    world.state(at=10)
    world.at = 12
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a drill")
    assert world.state(at=15) == "ALARM"
    assert world.state(at=20) == "OK"


def test_the_event_and_the_message_tell_of_the_expression(cloudwatch, world):
    put(cloudwatch)
    alarm = world.moto.alarms["errors"]
    state = {"value": "ALARM", "reason": "", "timestamp": ""}
    change = Change(alarm, state, state, ACCOUNT, REGION)
    [unknown, _, told] = change.detail()["configuration"]["metrics"]
    assert unknown == {
        "id": "unknown",
        "label": "Unknown",
        "expression": "all - FILL(known, 0)",
        "returnData": True,
    }
    assert told == {
        "id": "known",
        "metricStat": {
            "metric": {
                "namespace": "AWS/SageMaker",
                "name": "Known",
                "dimensions": {"EndpointName": "dogs"},
            },
            "period": 10,
            "stat": "Sum",
            "unit": "None",
        },
        "returnData": False,
    }
    trigger = sns_message(change)["Trigger"]
    assert (trigger["Period"], trigger["EvaluationPeriods"]) == (10, 1)
    assert trigger["Metrics"][0]["Expression"] == "all - FILL(known, 0)"
    assert trigger["Metrics"][1]["MetricStat"]["Metric"]["Dimensions"] == [
        {"name": "EndpointName", "value": "dogs"}
    ]


M1 = {"Id": "m1", "MetricStat": stat("Errors"), "ReturnData": False}


def returned(expression, **more):
    return {"Id": "e1", "Expression": expression, "ReturnData": True, **more}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"Metrics": [M1]}, "Exactly one element of the metrics list should return data"),
        ({"Metrics": [returned("m1"), {**M1, "ReturnData": True}]}, "Exactly one element"),
        ({"Metrics": [returned("m1"), M1], "MetricName": "Errors"}, "MetricName must not"),
        ({"Metrics": [returned("m1"), M1], "Period": 60}, "Period must not"),
        ({"Metrics": [returned("m2"), M1]}, "no element with the Id 'm2'"),
        ({"Metrics": [returned("m1"), M1, M1]}, "Two elements of Metrics have the Id 'm1'"),
        ({"Metrics": [returned("1"), {**M1, "Id": "M1"}]}, "unlike 'M1'"),
        ({"Metrics": [returned("m1"), {**M1, "Expression": "1"}]}, "either an Expression or"),
        ({"Metrics": [returned("1 + 1"), M1]}, "'e1' is a number"),
        ({"Metrics": [returned("METRICS()"), M1]}, "'e1' is an array"),
        ({"Metrics": [returned("RATE(m1)"), M1]}, "does not evaluate RATE"),
        ({"Metrics": [returned("e1 + m1"), M1]}, "'e1' is made of itself"),
        ({"Metrics": [returned("1")]}, "at least one MetricStat"),
        ({"Metrics": [returned("m1", Period=60), M1]}, "with one Period, not with [10, 60]"),
        (
            {"Metrics": [returned("1"), *({**M1, "Id": f"m{n}"} for n in range(11))]},
            "10 metrics and 10 expressions at most",
        ),
        (
            {"Metrics": [returned("m1"), {**M1, "MetricStat": stat("Errors", "tm90")}]},
            "not 'tm90'",
        ),
        (
            {"Metrics": [returned("m1"), {**M1, "MetricStat": stat("Errors", period=15)}]},
            "Period must be 10, 20, 30 or",
        ),
        ({"Metrics": [returned("m1"), M1], "EvaluationPeriods": 100_000}, "seven days"),
    ],
)
def test_what_is_wrong_or_not_evaluated_is_refused(cloudwatch, given, words):
    with pytest.raises(ClientError) as refused:
        put(cloudwatch, **given)
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert words in refused.value.response["Error"]["Message"]
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []
