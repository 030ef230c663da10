"""Executions of state machines, read from a real interpreter's kind of history."""

from datetime import datetime, timedelta, timezone

from commands.deployments import describe_deployment, read_deployment
from commands.following import States

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def entered(seconds, name):
    details = {"stateEnteredEventDetails": {"name": name}}
    return {"type": "TaskStateEntered", "timestamp": START + timedelta(seconds=seconds), **details}


def left(seconds, name):
    details = {"stateExitedEventDetails": {"name": name}}
    return {"type": "TaskStateExited", "timestamp": START + timedelta(seconds=seconds), **details}


def failed(seconds, cause="no capacity"):
    details = {"taskFailedEventDetails": {"error": "SageMaker.X", "cause": cause}}
    return {"type": "TaskFailed", "timestamp": START + timedelta(seconds=seconds), **details}


class StepFunctions:
    """Plays one execution whose history grows with every look."""

    def __init__(self, events, **end):
        self.events, self.end, self.shown = events, end, 0

    def describe_execution(self, executionArn):  # noqa: N803
        self.shown = min(self.shown + 2, len(self.events))
        ended = self.shown == len(self.events)
        return {"startDate": START, "status": "RUNNING", **(self.end if ended else {})}

    def get_paginator(self, name):
        return self

    def paginate(self, executionArn):  # noqa: N803
        return [{"events": self.events[: self.shown]}]


def test_a_state_that_polls_is_one_entry_with_its_visits():
    events = [entered(0, "Poll"), left(1, "Poll"), entered(3, "Poll"), left(5, "Poll")]
    machine = StepFunctions(events, status="SUCCEEDED", output='{"outcome": "Deployed"}')
    machine.shown = len(events)
    deployment = read_deployment(machine, "arn")
    assert deployment["states"] == [
        {
            "name": "Poll",
            "type": "Task",
            "visits": 2,
            "seconds": 3.0,
            "error": None,
            "status": "Succeeded",
        }
    ]
    assert "Outcome: Deployed" in describe_deployment(deployment)
    assert "2 times" in describe_deployment(deployment)


def test_a_state_left_by_its_catcher_is_caught_and_says_why():
    events = [entered(0, "CreateModel"), failed(1), left(1, "CreateModel"), entered(1, "Restore")]
    machine = StepFunctions(events, status="FAILED", error="DeploymentFailed", cause="CreateModel")
    machine.shown = len(events)
    states = read_deployment(machine, "arn")["states"]
    assert [(s["name"], s["status"], s["error"]) for s in states] == [
        ("CreateModel", "Caught", "SageMaker.X: no capacity"),
        ("Restore", "Running", None),
    ]


def test_following_says_each_change_of_a_state_once():
    events = [entered(0, "A"), left(2, "A"), entered(2, "B"), left(3, "B")]
    said: list[str] = []
    machine = StepFunctions(events, status="SUCCEEDED")
    final = States(machine, "arn", said.append).follow(0, sleep=lambda seconds: None)
    assert final["status"] == "SUCCEEDED"
    assert [" ".join(line.split()) for line in said] == [
        "A Succeeded in 2.0 s",
        "B Succeeded in 1.0 s",
    ]


def test_following_says_what_was_caught_without_the_request_of_it():
    cause = "no such thing (Service: SageMaker, Status Code: 400, Request ID: 1-2-3)"
    events = [entered(0, "A"), failed(1, cause), left(1, "A"), entered(1, "B")]
    said: list[str] = []
    machine = StepFunctions(events, status="FAILED")
    states = States(machine, "arn", said.append).follow(0, sleep=lambda seconds: None)["states"]
    assert "A Caught SageMaker.X: no such thing" in [" ".join(line.split()) for line in said]
    assert states[0]["error"] == f"SageMaker.X: {cause}"
