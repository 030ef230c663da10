"""A running server: data raise an alarm, whose message and event arrive in queues."""

import json
import time
from datetime import datetime, timedelta, timezone

import boto3
import pytest

from local.connection import ensure_server, stop_server

LONGEST = 90.0  # seconds; a busy machine is slow
METRIC = {"Namespace": "Tests", "MetricName": "Errors"}

ERRORS = {"Metric": {**METRIC, "Dimensions": []}, "Period": 60, "Stat": "Sum"}
SHARE = [
    {"Id": "share", "Expression": "errors / 100", "ReturnData": True},
    {"Id": "errors", "MetricStat": ERRORS, "ReturnData": False},
]


@pytest.fixture
def clients(tmp_path):
    connection, _ = ensure_server(tmp_path / "state", "eu-west-1")
    yield lambda service: boto3.client(service, **connection.client_options())
    stop_server(tmp_path / "state")


def queue(clients, name):
    sqs = clients("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, arn["Attributes"]["QueueArn"]


def receive(clients, url):
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        answer = clients("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=5)
        if answer.get("Messages"):
            return json.loads(answer["Messages"][0]["Body"])
    raise AssertionError("no message came")


def test_a_raised_alarm_publishes_to_its_topic_and_keeps_its_history(clients):
    url, arn = queue(clients, "alarms")
    sns, cloudwatch = clients("sns"), clients("cloudwatch")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    cloudwatch.put_metric_alarm(
        **METRIC,
        AlarmName="errors",
        ComparisonOperator="GreaterThanThreshold",
        Statistic="Sum",
        EvaluationPeriods=1,
        Period=10,
        Threshold=1.0,
        AlarmActions=[topic],
    )
    before = datetime.now(timezone.utc) - timedelta(seconds=10)
    data = {"MetricName": METRIC["MetricName"], "Value": 3.0, "Timestamp": before}
    cloudwatch.put_metric_data(Namespace=METRIC["Namespace"], MetricData=[data])

    message = json.loads(receive(clients, url)["Message"])
    assert (message["AlarmName"], message["NewStateValue"]) == ("errors", "ALARM")
    assert message["Trigger"]["Threshold"] == 1.0
    history = cloudwatch.describe_alarm_history(
        AlarmName="errors", HistoryItemType="StateUpdate", ScanBy="TimestampAscending"
    )["AlarmHistoryItems"]
    # Without data for a moment it stays as it began; it is raised once.
    assert "to ALARM" in history[0]["HistorySummary"]


def test_a_set_state_sends_an_event_and_composite_alarms_follow(clients):
    url, arn = queue(clients, "events")
    cloudwatch, events = clients("cloudwatch"), clients("events")
    pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": ["errors"]}}
    events.put_rule(Name="alarms", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="alarms", Targets=[{"Id": "queue", "Arn": arn}])
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    clients("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    cloudwatch.put_metric_alarm(
        **METRIC,
        AlarmName="errors",
        ComparisonOperator="GreaterThanThreshold",
        Statistic="Sum",
        EvaluationPeriods=1,
        Period=3600,
        Threshold=1.0,
        TreatMissingData="ignore",
    )
    cloudwatch.put_composite_alarm(AlarmName="any", AlarmRule='ALARM("errors")')
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a drill")
    event = receive(clients, url)
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["detail"]["state"]["reason"] == "a drill"
    assert event["detail"]["previousState"]["value"] == "INSUFFICIENT_DATA"
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        [found] = cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
        if found["StateValue"] == "ALARM":
            return
        time.sleep(0.2)
    raise AssertionError("the composite alarm did not follow")


def test_alarms_are_there_after_a_restart_and_wait_for_data(tmp_path):
    folder = tmp_path / "state"
    try:
        connection, _ = ensure_server(folder, "eu-west-1")
        cloudwatch = boto3.client("cloudwatch", **connection.client_options())
        cloudwatch.put_metric_alarm(
            **METRIC,
            AlarmName="errors",
            ComparisonOperator="GreaterThanThreshold",
            Statistic="Sum",
            EvaluationPeriods=1,
            Period=60,
            Threshold=1.0,
        )
        cloudwatch.put_metric_alarm(
            AlarmName="share",
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            Threshold=0.1,
            Metrics=SHARE,
        )
        cloudwatch.put_composite_alarm(AlarmName="any", AlarmRule='ALARM("errors")')
        assert stop_server(folder)
        connection, _ = ensure_server(folder, "eu-west-1")
        cloudwatch = boto3.client("cloudwatch", **connection.client_options())
        found = cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    finally:
        stop_server(folder)
    errors, share = found["MetricAlarms"]
    assert (errors["StateValue"], share["StateValue"]) == ("INSUFFICIENT_DATA",) * 2
    assert share["Metrics"] == SHARE
    assert [a["AlarmName"] for a in found["CompositeAlarms"]] == ["any"]
