"""Retraining as a program: one execution of the pipeline for each version of the data."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.statemachine.faults import failing
from tests.statemachine.retraining import Retraining
from tests.statemachine.world import World, holding

LATER = "2999-01-01T00:00:00Z"


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


def test_a_schedule_trains_on_the_data_of_the_last_run_that_succeeded(retraining):
    first, second = retraining.storm(retraining.event(), retraining.event("v1", "cats"))
    retraining.finish(first["pipeline_execution_arn"])
    retraining.finish(second["pipeline_execution_arn"], well=False)
    request = {"cause": "schedule", "data_uri": None, "data_version": None}
    (third,) = retraining.storm(request)
    assert third["data_uri"] == retraining.data_of(third["pipeline_execution_arn"])
    assert third["data_uri"] == retraining.uri()


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
    request = {"data_uri": "s3://elsewhere/data", "data_version": "1"}
    ended = aws.run(request, "retrain")
    assert ended["status"] == "FAILED"
    assert "The state StartPipeline failed" in ended["cause"]
    (message,) = aws.messages()
    assert (message["event"], message["state"]) == ("RetrainingFailed", "StartPipeline")
    assert message["data_uri"] == "s3://elsewhere/data"
    (output,) = Retraining(aws).storm(request)
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
