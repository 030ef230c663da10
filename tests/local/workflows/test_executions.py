"""Executions: names, inputs, outcomes, ends, histories."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

PASS = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}
WAIT = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}


def refused(code: str):
    return pytest.raises(ClientError, match=rf"\({code}\)")


def test_names_are_made_up_where_none_is_given(aws):
    machine = aws.create(PASS)
    first, second = aws.start_execution(machine), aws.start_execution(machine)
    assert first != second
    described = aws.end(first)
    assert re.fullmatch(r"[0-9a-f-]{36}", described["name"])
    assert described["executionArn"] == first
    assert first == f"{machine.replace(':stateMachine:', ':execution:')}:{described['name']}"


def test_a_name_and_input_that_run_already_are_the_same_execution(aws):
    machine = aws.create(WAIT)
    first = aws.start_execution(machine, {"a": 1}, name="mine")
    assert aws.start_execution(machine, {"a": 1}, name="mine") == first
    with refused("ExecutionAlreadyExists"):
        aws.start_execution(machine, {"a": 2}, name="mine")
    aws.states.stop_execution(executionArn=first)
    with refused("ExecutionAlreadyExists"):
        aws.start_execution(machine, {"a": 1}, name="mine")


@pytest.mark.parametrize("name", ["with blank", "a/b", "a:b", "a*b", 'a"b', "a\\b", "a,b", "a\x07"])
def test_names_with_characters_that_aws_refuses_are_refused(aws, name):
    with refused("InvalidName"):
        aws.start_execution(aws.create(PASS), name=name)


def test_an_input_that_is_no_json_is_refused(aws):
    with refused("InvalidExecutionInput"):
        aws.states.start_execution(stateMachineArn=aws.create(PASS), input="{")


def test_an_input_that_is_too_large_is_refused(aws):
    text = json.dumps("x" * 262_144)
    with refused("ValidationException"):
        aws.states.start_execution(stateMachineArn=aws.create(PASS), input=text)


def test_what_is_not_there_is_named(aws):
    machine = aws.create(PASS)
    with refused("StateMachineDoesNotExist"):
        aws.start_execution(machine + "s")
    for action in ("describe_execution", "get_execution_history", "stop_execution"):
        with refused("ExecutionDoesNotExist"):
            getattr(aws.states, action)(executionArn=f"{machine}:nobody")


def test_an_output_may_be_as_large_as_aws_allows_and_no_larger(aws):
    double = {"Type": "Pass", "Parameters": {"a.$": "$.a", "b.$": "$.a"}, "End": True}
    described = aws.run({"StartAt": "Double", "States": {"Double": double}}, {"a": "x" * 140_000})
    assert described["error"] == "States.DataLimitExceeded"
    text = "x" * (262_144 - len('{"a":"!"}'))
    one = {"Type": "Pass", "Parameters": {"a.$": "States.Format('{}!', $.a)"}, "End": True}
    exact = aws.output({"StartAt": "One", "States": {"One": one}}, {"a": text}, "exact")
    assert exact == {"a": f"{text}!"}


def test_a_stopped_execution_is_aborted_at_once(aws):
    execution = aws.start_execution(aws.create(WAIT))
    aws.wait_for_event(execution, "WaitStateEntered")
    began = time.monotonic()
    aws.states.stop_execution(executionArn=execution, error="Enough", cause="It is late.")
    described = aws.states.describe_execution(executionArn=execution)
    assert time.monotonic() - began < 30
    assert described["status"] == "ABORTED"
    assert (described["error"], described["cause"]) == ("Enough", "It is late.")
    assert aws.history(execution)[-1]["executionAbortedEventDetails"] == {
        "error": "Enough",
        "cause": "It is late.",
    }


def test_what_has_ended_stays_as_it_ended(aws):
    execution = aws.start_execution(aws.create(PASS))
    ended = aws.end(execution)
    stopped = aws.states.stop_execution(executionArn=execution)
    assert stopped["stopDate"] == ended["stopDate"]
    assert aws.states.describe_execution(executionArn=execution)["status"] == "SUCCEEDED"


def test_a_stopped_execution_does_nothing_more(aws):
    queue = aws.client("sqs").create_queue(QueueName="later")["QueueUrl"]
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": queue, "MessageBody": "too late"},
        "End": True,
    }
    wait = {"Type": "Wait", "Seconds": 1, "Next": "Send"}
    machine = aws.create({"StartAt": "Wait", "States": {"Wait": wait, "Send": send}})
    execution = aws.start_execution(machine)
    aws.wait_for_event(execution, "WaitStateEntered")
    aws.states.stop_execution(executionArn=execution)
    time.sleep(1.5)  # the wait would be over by now
    assert "Messages" not in aws.client("sqs").receive_message(QueueUrl=queue)


def test_a_machine_that_takes_too_long_is_timed_out(aws):
    described = aws.run({**WAIT, "TimeoutSeconds": 1})
    assert described["status"] == "TIMED_OUT"
    assert described["stopDate"] > described["startDate"]
    assert aws.history(described["executionArn"])[-1]["type"] == "ExecutionTimedOut"


def test_retries_wait_longer_each_time_and_end_with_a_stop(aws):
    fail = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "Again"}}}
    retry = {"ErrorEquals": ["Again"], "IntervalSeconds": 1, "BackoffRate": 2, "MaxAttempts": 2}
    state = {"Type": "Parallel", "Branches": [fail], "Retry": [retry], "End": True}
    described = aws.run({"StartAt": "Try", "States": {"Try": state}})
    events = aws.history(described["executionArn"])
    tries = [e["timestamp"].timestamp() for e in events if e["type"] == "FailStateEntered"]
    assert len(tries) == 3
    assert tries[1] - tries[0] >= 0.99
    assert tries[2] - tries[1] >= 1.99

    state["Retry"] = [{**retry, "IntervalSeconds": 600}]
    execution = aws.start_execution(
        aws.create({"StartAt": "Try", "States": {"Try": state}}, "long")
    )
    aws.wait_for_event(execution, "FailStateEntered")
    aws.states.stop_execution(executionArn=execution)
    assert aws.states.describe_execution(executionArn=execution)["status"] == "ABORTED"


def test_the_history_tells_what_came_from_what(aws):
    described = aws.run(PASS, {"a": "ä"})
    events = aws.history(described["executionArn"])
    assert [(e["id"], e["previousEventId"], e["type"]) for e in events] == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "PassStateEntered"),
        (3, 2, "PassStateExited"),
        (4, 3, "ExecutionSucceeded"),
    ]
    assert events[0]["executionStartedEventDetails"]["input"] == '{"a": "\\u00e4"}'
    assert events[1]["stateEnteredEventDetails"] == {
        "name": "Pass",
        "input": '{"a":"ä"}',
        "inputDetails": {"truncated": False},
    }
    assert events[3]["executionSucceededEventDetails"]["output"] == described["output"]


def test_the_history_comes_in_pages_from_either_end_with_and_without_data(aws):
    execution = aws.run(PASS)["executionArn"]
    ask = aws.states.get_execution_history
    first = ask(executionArn=execution, maxResults=3, reverseOrder=True)
    rest = ask(
        executionArn=execution, maxResults=3, reverseOrder=True, nextToken=first["nextToken"]
    )
    assert [e["id"] for e in first["events"] + rest["events"]] == [4, 3, 2, 1]
    assert "nextToken" not in rest
    bare = ask(executionArn=execution, includeExecutionData=False)["events"]
    assert bare[1]["stateEnteredEventDetails"] == {
        "name": "Pass",
        "inputDetails": {"truncated": False},
    }


def test_executions_are_listed_newest_first_by_status_and_in_pages(aws):
    machine, waiting = aws.create(PASS), aws.create(WAIT, "waiting")
    names = [f"run-{number}" for number in range(5)]
    for name in names:
        aws.end(aws.start_execution(machine, name=name))
    aws.start_execution(waiting, name="waits")
    pages = aws.states.get_paginator("list_executions").paginate(
        stateMachineArn=machine, PaginationConfig={"PageSize": 2}
    )
    listed = [execution for page in pages for execution in page["executions"]]
    assert [execution["name"] for execution in listed] == names[::-1]
    assert all("stopDate" in execution for execution in listed)
    running = aws.states.list_executions(stateMachineArn=waiting, statusFilter="RUNNING")
    assert [execution["name"] for execution in running["executions"]] == ["waits"]
    ended = aws.states.list_executions(stateMachineArn=waiting, statusFilter="FAILED")
    assert ended["executions"] == []


def test_an_execution_keeps_the_definition_that_it_started_with(aws):
    machine = aws.create(WAIT)
    execution = aws.start_execution(machine)
    aws.states.update_state_machine(stateMachineArn=machine, definition=json.dumps(PASS))
    told = aws.states.describe_state_machine_for_execution(executionArn=execution)
    assert json.loads(told["definition"]) == WAIT
    aws.states.stop_execution(executionArn=execution)
    assert aws.end(aws.start_execution(machine))["status"] == "SUCCEEDED"


def test_a_deleted_machine_goes_once_its_executions_have_ended(aws):
    machine = aws.create(WAIT)
    execution = aws.start_execution(machine)
    aws.states.delete_state_machine(stateMachineArn=machine)
    assert aws.states.describe_state_machine(stateMachineArn=machine)["status"] == "DELETING"
    with refused("StateMachineDeleting"):
        aws.start_execution(machine)
    aws.states.stop_execution(executionArn=execution)
    with refused("StateMachineDoesNotExist"):
        aws.states.describe_state_machine(stateMachineArn=machine)
    with refused("ExecutionDoesNotExist"):
        aws.states.describe_execution(executionArn=execution)
    assert aws.create(PASS) == machine


def test_express_machines_can_be_waited_for(aws):
    machine = aws.create(PASS, type="EXPRESS")
    answer = aws.states.start_sync_execution(stateMachineArn=machine, input='{"a":1}')
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", '{"a":1}')
    with refused("StateMachineTypeNotSupported"):
        aws.states.start_sync_execution(stateMachineArn=aws.create(PASS, "standard"))


def test_a_history_that_never_ends_ends_the_execution(aws, monkeypatch):
    monkeypatch.setattr("local.workflows.executions.LARGEST_HISTORY", 50)
    again: dict[str, Any] = {
        "A": {"Type": "Pass", "Next": "B"},
        "B": {"Type": "Choice", "Default": "A"},
    }
    again["B"]["Choices"] = [{"Variable": "$.never", "IsPresent": True, "Next": "C"}]
    described = aws.run({"StartAt": "A", "States": {**again, "C": {"Type": "Succeed"}}})
    assert described["error"] == "States.Runtime"
    assert "maximum number of history events" in described["cause"]
    assert len(aws.history(described["executionArn"])) == 50
