"""What outlives the server, and what becomes of executions that it leaves behind."""

from __future__ import annotations

import json
from typing import Any

from tests.local.workflows.test_executions import PASS, WAIT


def test_machines_and_ended_executions_are_kept(aws):
    machine = aws.create(PASS, tags=[{"key": "team", "value": "dogs"}])
    version = aws.states.publish_state_machine_version(stateMachineArn=machine)
    routes = [{"stateMachineVersionArn": version["stateMachineVersionArn"], "weight": 100}]
    alias = aws.states.create_state_machine_alias(name="live", routingConfiguration=routes)
    activity = aws.states.create_activity(name="groom")["activityArn"]
    execution = aws.start_execution(machine, {"a": 1}, name="first")
    before = [known(aws, machine, execution) for _ in [aws.end(execution)]]
    aws.stop()

    aws.start()
    assert [known(aws, machine, execution)] == before
    assert aws.states.describe_activity(activityArn=activity)["name"] == "groom"
    again = aws.end(aws.start_execution(alias["stateMachineAliasArn"], {"b": 2}))
    assert json.loads(again["output"]) == {"b": 2}


def known(aws, machine: str, execution: str) -> list[Any]:
    states = aws.states
    answers = [
        states.describe_state_machine(stateMachineArn=machine),
        states.list_tags_for_resource(resourceArn=machine),
        states.list_state_machine_versions(stateMachineArn=machine),
        states.list_state_machine_aliases(stateMachineArn=machine),
        states.describe_execution(executionArn=execution),
        states.get_execution_history(executionArn=execution),
    ]
    return [
        {key: value for key, value in answer.items() if key != "ResponseMetadata"}
        for answer in answers
    ]


def test_an_execution_that_was_running_has_failed_and_that_is_told(aws, monkeypatch):
    machine = aws.create(WAIT)
    execution = aws.start_execution(machine, {"a": 1}, name="interrupted")
    aws.wait_for_event(execution, "WaitStateEntered")
    aws.stop()
    told: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        "local.events.Events.emit", lambda events, *sent, **named: told.append((*sent, named))
    )

    aws.start()
    described = aws.states.describe_execution(executionArn=execution)
    assert described["status"] == "FAILED"
    assert described["error"] == "States.Runtime"
    assert described["cause"] == "The embedded AWS stopped while this execution ran."
    assert json.loads(described["input"]) == {"a": 1}
    assert described["stopDate"] > described["startDate"]
    events = aws.history(execution)
    assert [event["type"] for event in events] == [
        *("ExecutionStarted", "WaitStateEntered", "ExecutionFailed"),
    ]
    assert [event["id"] for event in events] == [1, 2, 3]
    [(kind, detail, resources, named)] = told
    assert (kind, resources) == ("Step Functions Execution Status Change", [execution])
    assert (detail["status"], detail["input"], named) == (
        *("FAILED", '{"a": 1}', {"source": "aws.states"}),
    )
    assert len(aws.states.list_executions(stateMachineArn=machine)["executions"]) == 1


def test_a_history_that_was_cut_short_is_mended(aws):
    execution = aws.start_execution(aws.create(WAIT), name="cut")
    aws.wait_for_event(execution, "WaitStateEntered")
    aws.stop()
    [path] = (aws.folder / "executions").glob("*/*.jsonl")
    with path.open("a") as opened:
        opened.write('{"id": 3, "type": "Wait')

    aws.start()
    kinds = [event["type"] for event in aws.history(execution)]
    assert kinds == ["ExecutionStarted", "WaitStateEntered", "ExecutionFailed"]


def test_an_outcome_that_was_not_written_down_is_found_in_the_history(aws):
    execution = aws.start_execution(aws.create(PASS), name="done")
    aws.end(execution)
    aws.backend.store.set("Execution", execution, status="RUNNING")
    aws.stop()

    aws.start()
    assert aws.states.describe_execution(executionArn=execution)["status"] == "SUCCEEDED"
