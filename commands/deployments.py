"""Executions of the state machines as values: read through boto3, then printed or compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from commands.output import seconds_between, table

FINAL = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}
FAULTS = ("Failed", "TimedOut", "Aborted")
DECIDING = ("Choice", "Pass")  # states that take no time, and tell a reader little


def read_deployment(stepfunctions: Any, arn: str) -> dict[str, Any]:
    """One execution with the states it went through, in the order in which they were entered."""
    described = stepfunctions.describe_execution(executionArn=arn)
    return {
        "execution_arn": arn,
        "status": described["status"],
        "started": described["startDate"],
        "seconds": seconds_between(described["startDate"], described.get("stopDate")),
        "states": read_states(stepfunctions, arn),
        "output": json.loads(described.get("output") or "{}"),
        "error": described.get("error"),
        "cause": described.get("cause"),
    }


def read_states(stepfunctions: Any, arn: str) -> list[dict[str, Any]]:
    """The states of an execution: {name, type, visits, status, seconds, error}.

    A state that is visited often, as those that poll, is one entry at its first visit's place. One
    that failed where the machine knows how to go on is Caught.
    """
    states: dict[str, dict[str, Any]] = {}
    entered: dict[str, datetime] = {}
    current = ""
    for event in _history(stepfunctions, arn):
        kind, time = event["type"], event["timestamp"]
        if kind.endswith("StateEntered"):
            current = event["stateEnteredEventDetails"]["name"]
            entered[current] = time
            blank = {"name": current, "type": kind.removesuffix("StateEntered")}
            blank |= {"visits": 0, "seconds": 0.0}
            state = states.setdefault(current, blank)
            state |= {"status": "Running", "visits": state["visits"] + 1, "error": None}
        elif kind.endswith("StateExited"):
            name = event["stateExitedEventDetails"]["name"]
            state = states[name]
            spent = (time - entered[name]).total_seconds()
            status = "Caught" if state["error"] else "Succeeded"
            state |= {"status": status, "seconds": round(state["seconds"] + spent, 1)}
        elif kind.endswith(FAULTS) and current and (error := _error(event)):
            states[current] |= {"error": error, "status": "Failed"}
    return list(states.values())


def _error(event: dict[str, Any]) -> str | None:
    """Error and cause of an event that tells of a failure."""
    details = (value for key, value in event.items() if key.endswith("EventDetails"))
    for detail in details:
        if detail.get("error"):
            return f"{detail['error']}: {detail.get('cause', '')}".rstrip(": ")
    return None


def _history(stepfunctions: Any, arn: str) -> Iterator[dict[str, Any]]:
    pages = stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
    return (event for page in pages for event in page["events"])


def is_telling(state: dict[str, Any]) -> bool:
    """Whether a reader wants to hear of it."""
    return state["type"] not in DECIDING or state["status"] == "Failed"


def describe_deployment(deployment: dict[str, Any]) -> str:
    """The execution as text: what it did and waited for, then what came of it."""
    rows = [
        [state["name"], state["status"], f"{state['seconds']:.1f} s", _visits(state)]
        for state in deployment["states"]
        if is_telling(state)
    ]
    head, *end = describe_end(deployment)
    return "\n".join([head, *([table(rows)] if rows else []), *end])


def describe_end(deployment: dict[str, Any]) -> list[str]:
    """What came of the execution, without the way there."""
    lines = [f"{deployment['status']}  {deployment['execution_arn']}"]
    lines += _outcome(deployment["output"])
    if deployment["error"]:
        error, cause = deployment["error"], deployment["cause"] or "no cause was given"
        lines.append(cause if error in cause else f"{error}: {cause}")
    return lines


def _outcome(output: Any) -> list[str]:
    """What came of an execution of ours; another's output has no form that we know."""
    if not isinstance(output, dict) or "outcome" not in output:
        return []
    version = f", version {output['version']}" if "version" in output else ""
    lines = [f"Outcome: {output['outcome']}{version}"]
    return [*lines, output["hint"]] if "hint" in output else lines


def _visits(state: dict[str, Any]) -> str:
    return f"{state['visits']} times" if state["visits"] > 1 else ""
