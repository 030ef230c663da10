"""Tasks that wait for an answer from outside: task tokens, heartbeats, activities."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(code: str):
    return pytest.raises(ClientError, match=rf"\({code}\)")


@pytest.fixture
def queue(aws):
    return aws.client("sqs").create_queue(QueueName="work")["QueueUrl"]


def ask(queue: str, **more) -> dict[str, Any]:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {
            "QueueUrl": queue,
            "MessageBody": {"token.$": "$$.Task.Token", "breed.$": "$.breed"},
        },
        "End": True,
    }
    return {"StartAt": "Ask", "States": {"Ask": {**state, **more}}}


def token_from(aws, queue: str) -> str:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        answer = aws.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            return str(json.loads(message["Body"])["token"])
    raise AssertionError("no message came")


def begin(aws, queue: str, **more) -> tuple[str, str]:
    execution = aws.start_execution(aws.create(ask(queue, **more)), {"breed": "pug"})
    return execution, token_from(aws, queue)


def test_a_task_goes_on_with_what_its_token_brings(aws, queue):
    execution, token = begin(aws, queue)
    assert aws.states.describe_execution(executionArn=execution)["status"] == "RUNNING"
    aws.states.send_task_success(taskToken=token, output='{"size": "small"}')
    assert json.loads(aws.end(execution)["output"]) == {"size": "small"}
    kinds = [event["type"] for event in aws.history(execution)]
    assert kinds[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]


def test_a_task_fails_with_the_error_and_cause_that_its_token_brings(aws, queue):
    execution, token = begin(aws, queue)
    aws.states.send_task_failure(taskToken=token, error="TooLarge", cause="It does not fit.")
    ended = aws.end(execution)
    assert (ended["error"], ended["cause"]) == ("TooLarge", "It does not fit.")


def test_a_failure_may_be_one_of_step_functions_own(aws, queue):
    execution, token = begin(aws, queue)
    aws.states.send_task_failure(taskToken=token, error="States.Timeout", cause="late")
    assert aws.end(execution)["error"] == "States.Timeout"


def test_a_task_without_heartbeats_times_out_as_such(aws, queue):
    catch = [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "Caught"}]
    definition = ask(queue, HeartbeatSeconds=1, Catch=catch)
    definition["States"]["Caught"] = {"Type": "Pass", "Result": "caught", "End": True}
    assert aws.output(definition, {"breed": "pug"}) == "caught"


def test_heartbeats_keep_a_task_alive(aws, queue):
    execution, token = begin(aws, queue, HeartbeatSeconds=4)
    for _ in range(5):
        time.sleep(1)
        aws.states.send_task_heartbeat(taskToken=token)
    aws.states.send_task_success(taskToken=token, output="1")
    assert aws.end(execution)["status"] == "SUCCEEDED"


def test_a_task_that_waits_too_long_times_out(aws, queue):
    execution, token = begin(aws, queue, TimeoutSeconds=2)
    assert aws.end(execution)["error"] == "States.Timeout"
    with refused("TaskTimedOut"):
        aws.states.send_task_success(taskToken=token, output="1")


def test_an_answer_counts_once(aws, queue):
    execution, token = begin(aws, queue)
    aws.states.send_task_success(taskToken=token, output="1")
    aws.end(execution)
    with refused("TaskTimedOut"):
        aws.states.send_task_failure(taskToken=token, error="Late")
    with refused("TaskTimedOut"):
        aws.states.send_task_heartbeat(taskToken=token)


def test_an_answer_that_is_no_json_is_refused(aws, queue):
    execution, token = begin(aws, queue)
    with refused("InvalidOutput"):
        aws.states.send_task_success(taskToken=token, output="{")
    aws.states.stop_execution(executionArn=execution)


def test_a_waiting_execution_can_be_stopped(aws, queue):
    execution, token = begin(aws, queue)
    aws.states.stop_execution(executionArn=execution)
    with refused("TaskTimedOut"):
        aws.states.send_task_success(taskToken=token, output="1")
    names = {thread.name for thread in threading.enumerate()}
    ends = time.monotonic() + 30
    while execution.rsplit(":", 1)[1] in str(names) and time.monotonic() < ends:
        time.sleep(0.05)
        names = {thread.name for thread in threading.enumerate()}
    assert execution.rsplit(":", 1)[1] not in str(names)


def test_each_branch_has_its_own_token(aws, queue):
    branches = [ask(queue) | {"StartAt": name} for name in ("One", "Two")]
    for branch in branches:
        branch["States"] = {branch["StartAt"]: branch["States"]["Ask"]}
    both = {"Type": "Parallel", "Branches": branches, "End": True}
    machine = aws.create({"StartAt": "Both", "States": {"Both": both}})
    execution = aws.start_execution(machine, {"breed": "pug"})
    tokens = [token_from(aws, queue), token_from(aws, queue)]
    assert tokens[0] != tokens[1]
    for token in tokens:
        aws.states.send_task_success(taskToken=token, output="1")
    assert json.loads(aws.end(execution)["output"]) == [1, 1]


def test_workers_take_the_tasks_of_an_activity(aws):
    activity = aws.states.create_activity(name="groom")["activityArn"]
    assert aws.states.create_activity(name="groom")["activityArn"] == activity
    state = {"Type": "Task", "Resource": activity, "End": True}
    machine = aws.create({"StartAt": "Groom", "States": {"Groom": state}})
    taken: list[dict[str, Any]] = []
    take = aws.client("stepfunctions").get_activity_task
    worker = threading.Thread(
        target=lambda: taken.append(take(activityArn=activity, workerName="ann"))
    )
    worker.start()
    execution = aws.start_execution(machine, {"breed": "pug"})
    worker.join(120)
    [task] = taken
    assert json.loads(task["input"]) == {"breed": "pug"}
    aws.states.send_task_success(taskToken=task["taskToken"], output='"clean"')
    assert aws.end(execution)["output"] == '"clean"'
    kinds = [event["type"] for event in aws.history(execution)]
    assert kinds[2:5] == ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"]
    aws.states.delete_activity(activityArn=activity)
    with refused("ActivityDoesNotExist"):
        take(activityArn=activity)
