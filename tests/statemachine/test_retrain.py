"""Retraining as a program: one execution of the pipeline for each version of the data."""

from __future__ import annotations

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.statemachine.faults import failing
from tests.statemachine.world import LONGEST, Environment, World, holding

LATER = "2999-01-01T00:00:00Z"


class Retraining:
    """An environment with a pipeline that works until a test lets it go on."""

    def __init__(self, aws: Environment) -> None:
        self.aws, self.settings = aws, aws.settings
        self._sagemaker, self._sqs = aws.client("sagemaker"), aws.client("sqs")
        name = f"{aws.names.endpoint}-work"
        self._queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        step = {
            "Name": "Work",
            "Type": "Callback",
            "SqsQueueUrl": self._queue,
            "Arguments": {"data": {"Get": "Parameters.InputDataUri"}},
        }
        given = {"Name": "InputDataUri", "Type": "String", "DefaultValue": "s3://none"}
        definition = {"Version": "2020-12-01", "Parameters": [given], "Steps": [step]}
        self._sagemaker.create_pipeline(
            PipelineName=self.settings.pipeline.name,
            PipelineDefinition=json.dumps(definition),
            ClientRequestToken="t" * 32,
            RoleArn="arn:aws:iam::123456789012:role/any",
        )
        aws.machine("retrain")

    def uri(self, data_set: str = "dogs") -> str:
        return f"s3://{self.settings.bucket}/{self.settings.triggers.data_prefix}/{data_set}"

    def event(self, version: str = "v1", data_set: str = "dogs", **more: Any) -> dict[str, Any]:
        """What the rule of data events makes of one."""
        marker = f"{self.uri(data_set)}/{self.settings.triggers.marker}"
        return {"cause": "data", "data_uri": marker, "data_version": version, **more}

    def storm(self, *requests: dict[str, Any]) -> list[dict[str, Any]]:
        """Outputs of the executions that start at the same time."""
        with ThreadPoolExecutor(10) as pool:
            started = list(pool.map(lambda one: self.aws.deliver(one, "retrain"), requests))
        return [self.output(execution) for execution in started]

    def output(self, execution: str) -> dict[str, Any]:
        ended = self.aws.end(execution)
        assert ended["status"] == "SUCCEEDED", ended
        return dict(ended["output"])

    def run(self, request: dict[str, Any], change: Any = None) -> dict[str, Any]:
        return self.aws.run(request, "retrain", change)

    def executions(self) -> list[dict[str, Any]]:
        name = self.settings.pipeline.name
        listed = self._sagemaker.list_pipeline_executions(PipelineName=name)
        return list(listed["PipelineExecutionSummaries"])

    def data_of(self, execution: str) -> str:
        """The InputDataUri of an execution of the pipeline."""
        listed = self._sagemaker.list_pipeline_parameters_for_execution(
            PipelineExecutionArn=execution
        )
        (given,) = listed["PipelineParameters"]
        return str(given["Value"])

    def finish(self, execution: str, well: bool = True) -> None:
        """Let an execution of the pipeline end."""
        token = self._token(execution)
        if well:
            self._sagemaker.send_pipeline_execution_step_success(CallbackToken=token)
        else:
            self._sagemaker.send_pipeline_execution_step_failure(
                CallbackToken=token, FailureReason="no more disk"
            )
        ends = time.monotonic() + LONGEST
        while self._status(execution) == "Executing":
            assert time.monotonic() < ends
            time.sleep(0.02)

    def _status(self, execution: str) -> str:
        shown = self._sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
        return str(shown["PipelineExecutionStatus"])

    def _token(self, execution: str) -> str:
        ends = time.monotonic() + LONGEST
        while time.monotonic() < ends:
            answer = self._sqs.receive_message(QueueUrl=self._queue, VisibilityTimeout=0)
            for message in answer.get("Messages", ()):
                body = json.loads(message["Body"])
                if body["pipelineExecutionArn"] == execution:
                    receipt = message["ReceiptHandle"]
                    self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=receipt)
                    return str(body["token"])
        raise AssertionError(f"the step of {execution} did not begin")


@pytest.fixture
def retraining(world: World) -> Retraining:
    return Retraining(world.environment())


def test_a_storm_of_events_for_one_version_of_the_data_trains_once(retraining):
    events = [retraining.event(event_id=str(number)) for number in range(100)]
    outputs = retraining.storm(*events)
    assert Counter(each["outcome"] for each in outputs) == {"Started": 1, "AlreadyRunning": 99}
    (execution,) = retraining.executions()
    arn = execution["PipelineExecutionArn"]
    assert {each["pipeline_execution_arn"] for each in outputs} == {arn}
    assert {each["data_uri"] for each in outputs} == {retraining.uri()}
    assert retraining.data_of(arn) == retraining.uri()
    assert retraining.aws.messages() == []


@pytest.mark.parametrize("cause", ("schedule", "drift"))
def test_schedule_and_drift_train_once_on_the_data_of_the_settings(retraining, cause):
    request = {"cause": cause, "data_uri": None, "data_version": None, "event_id": "7"}
    outputs = retraining.storm(*[request] * 5)
    assert Counter(each["outcome"] for each in outputs) == {"Started": 1, "AlreadyRunning": 4}
    (execution,) = retraining.executions()
    assert retraining.data_of(execution["PipelineExecutionArn"]) == retraining.settings.data_uri
    described = f"Retraining: {cause}, event 7"
    assert execution["PipelineExecutionDescription"] == described


def test_another_version_of_the_data_trains_while_one_runs(retraining):
    requests = [retraining.event("v1"), retraining.event("v2"), retraining.event("v1", "cats")]
    outputs = retraining.storm(*requests)
    assert [each["outcome"] for each in outputs] == ["Started"] * 3
    assert len(retraining.executions()) == 3
    found = [retraining.data_of(each["pipeline_execution_arn"]) for each in outputs]
    assert found == [retraining.uri(), retraining.uri(), retraining.uri("cats")]


@pytest.mark.parametrize("well", (True, False))
def test_an_event_that_comes_late_trains_no_second_time_and_a_new_one_does(retraining, well):
    event = retraining.event(event_time="2020-01-01T00:00:00Z")
    (first,) = retraining.storm(event)
    retraining.finish(first["pipeline_execution_arn"], well)
    (late,) = retraining.storm(event)
    assert late == first | {"outcome": "AlreadyRan"}
    (new,) = retraining.storm(retraining.event(event_time=LATER))
    assert new["outcome"] == "Started"
    (asked,) = retraining.storm(retraining.event())
    assert asked == new | {"outcome": "AlreadyRunning"}
    retraining.finish(new["pipeline_execution_arn"])
    (asked,) = retraining.storm(retraining.event())  # a request has no time
    assert asked["outcome"] == "Started"
    assert len(retraining.executions()) == 3


def test_a_data_set_that_is_named_in_full_is_taken_as_it_is(retraining):
    (output,) = retraining.storm({"data_uri": "s3://elsewhere/data/", "data_version": "1"})
    assert retraining.data_of(output["pipeline_execution_arn"]) == "s3://elsewhere/data/"
    assert output["cause"] == "request"


def test_a_marker_that_lies_too_deep_is_told(retraining):
    ended = retraining.run(retraining.event(data_set="dogs/train"))
    assert (ended["status"], ended["error"]) == ("FAILED", "MarkerIsTooDeep")
    assert "does not lie in a data set of" in ended["cause"]
    (message,) = retraining.aws.messages()
    assert (message["event"], message["error"]) == ("RetrainingFailed", "MarkerIsTooDeep")
    assert retraining.executions() == []


def test_a_pipeline_that_cannot_be_started_is_told_and_the_next_event_tries_again(world):
    aws = world.environment()
    aws.machine("retrain")
    ended = aws.run({"cause": "drift"}, "retrain")
    assert ended["status"] == "FAILED"
    assert "The state StartPipeline failed" in ended["cause"]
    (message,) = aws.messages()
    assert (message["event"], message["state"]) == ("RetrainingFailed", "StartPipeline")
    assert message["data_uri"] == aws.settings.data_uri
    (output,) = Retraining(aws).storm({"cause": "drift"})
    assert output["outcome"] == "Started"


@pytest.mark.parametrize("state", ("StartPipeline", "NoteRun"))
def test_a_claimant_that_dies_leads_to_one_training_all_the_same(retraining, state):
    event, aws = retraining.event(), retraining.aws
    dead = aws.start(event, "retrain", holding(state))
    aws.reach(dead, state)
    aws.machine("retrain")
    waiting = aws.deliver(event, "retrain")
    aws.reach(waiting, "WaitForStart")
    aws.client("stepfunctions").stop_execution(executionArn=dead)
    output = retraining.output(waiting)
    assert output["outcome"] == "Started"
    (execution,) = retraining.executions()
    assert execution["PipelineExecutionArn"] == output["pipeline_execution_arn"]


@pytest.mark.parametrize("state", ("Claim", "NoteRun", "ReadRun", "DescribeRun", "TellFailure"))
def test_a_failure_is_told_wherever_it_happens(retraining, state):
    later = state in ("ReadRun", "DescribeRun")
    if later:
        retraining.storm(retraining.event())
    states = ("StartPipeline", state) if state == "TellFailure" else (state,)
    ended = retraining.run(retraining.event(), failing(*states))
    assert ended["status"] == "FAILED"
    assert f"The state {states[0]} failed with " in ended["cause"]
    assert len(retraining.aws.messages()) == (state != "TellFailure")
    assert len(retraining.executions()) == (later or state == "NoteRun")
