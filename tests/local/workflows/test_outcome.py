"""What the world is told of executions: events and metrics."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from tests.local.workflows.test_executions import PASS, WAIT

FAIL = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Boom", "Cause": "why"}}}


@pytest.fixture
def told(monkeypatch):
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        "local.events.Events.emit",
        lambda events, kind, detail, resources, source: sent.append(
            (source, kind, json.loads(json.dumps(detail)), resources)
        ),
    )
    return sent


def test_each_change_of_status_is_an_event_in_aws_form(aws, told):
    ended = aws.run(PASS, {"a": 1})
    arn = ended["executionArn"]
    assert [(source, kind, resources) for source, kind, _, resources in told] == [
        ("aws.states", "Step Functions Execution Status Change", [arn])
    ] * 2
    running, succeeded = (detail for _, _, detail, _ in told)
    started = round(ended["startDate"].timestamp() * 1000)
    assert running == {
        "executionArn": arn,
        "stateMachineArn": ended["stateMachineArn"],
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "name": ended["name"],
        "status": "RUNNING",
        "startDate": started,
        "stopDate": None,
        "input": '{"a": 1}',
        "inputDetails": {"included": True},
        "output": None,
        "outputDetails": None,
        "error": None,
        "cause": None,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "Execution is RUNNING and cannot be redriven",
    }
    assert succeeded["status"] == "SUCCEEDED"
    assert succeeded["output"] == '{"a":1}'
    assert succeeded["outputDetails"] == {"included": True}
    assert started <= succeeded["stopDate"]


def test_failures_timeouts_and_stops_have_their_own(aws, told):
    failed = aws.run(FAIL, name="failed")
    assert told[-1][2]["status"] == "FAILED"
    assert (told[-1][2]["error"], told[-1][2]["cause"]) == (failed["error"], failed["cause"])
    aws.run({**WAIT, "TimeoutSeconds": 1}, name="late")
    assert told[-1][2]["status"] == "TIMED_OUT"
    execution = aws.start_execution(aws.create(WAIT, "stopped"))
    aws.states.stop_execution(executionArn=execution)
    assert told[-1][2]["status"] == "ABORTED"


def test_large_inputs_stay_out_of_events(aws, told):
    aws.run(PASS, "x" * 150_000)
    assert told[-1][2]["input"] is None
    assert told[-1][2]["inputDetails"] == {"included": False}


def test_express_executions_send_no_events(aws, told):
    machine = aws.create(PASS, type="EXPRESS")
    aws.states.start_sync_execution(stateMachineArn=machine)
    assert told == []


def test_executions_are_counted_and_timed(aws):
    machine = aws.create(FAIL)
    aws.end(aws.start_execution(machine))
    now = datetime.datetime.now(datetime.timezone.utc)

    def total(name: str) -> float:
        points = aws.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/States",
            MetricName=name,
            Dimensions=[{"Name": "StateMachineArn", "Value": machine}],
            StartTime=now - datetime.timedelta(hours=1),
            EndTime=now + datetime.timedelta(hours=1),
            Period=7200,
            Statistics=["Sum"],
        )["Datapoints"]
        return float(sum(point["Sum"] for point in points))

    assert (total("ExecutionsStarted"), total("ExecutionsFailed")) == (1, 1)
    assert total("ExecutionsSucceeded") == 0
    assert total("ExecutionTime") > 0
