"""Tasks that wait for what they started: executions and SageMaker's jobs."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

START = "arn:aws:states:::states:startExecution"
CHILD = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": {"x": [1]}, "End": True}}}
WAIT = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}


def start(child: str, pattern: str = "", **more) -> dict[str, Any]:
    parameters = {"StateMachineArn": child, "Input": {"a.$": "$.a"}}
    state = {"Type": "Task", "Resource": START + pattern, "Parameters": parameters}
    return {"StartAt": "Start", "States": {"Start": {**state, "End": True, **more}}}


def test_an_execution_may_start_another_without_waiting(aws):
    child = aws.create(CHILD, "child")
    answer = aws.output(start(child), {"a": 1})
    assert sorted(answer) == ["ExecutionArn", "StartDate"]
    assert json.loads(aws.end(answer["ExecutionArn"])["input"]) == {"a": 1}


@pytest.mark.parametrize(("pattern", "output"), [(".sync", '{"x":[1]}'), (".sync:2", {"x": [1]})])
def test_an_execution_may_wait_for_another(aws, pattern, output):
    answer = aws.output(start(aws.create(CHILD, "child"), pattern), {"a": 1})
    assert (answer["Status"], answer["Output"]) == ("SUCCEEDED", output)


def test_the_failure_of_the_other_is_told(aws):
    bad = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Boom", "Cause": "why"}}}
    failed = aws.run(start(aws.create(bad, "bad"), ".sync:2"), {"a": 1})
    assert failed["error"] == "States.TaskFailed"
    told = json.loads(failed["cause"])
    assert (told["Status"], told["Error"], told["Cause"]) == ("FAILED", "Boom", "why")


def test_what_an_execution_waits_for_is_stopped_with_it(aws):
    child = aws.create(WAIT, "child")
    execution = aws.start_execution(aws.create(start(child, ".sync:2")), {"a": 1})
    aws.wait_for_event(execution, "TaskSubmitted")
    [nested] = aws.states.list_executions(stateMachineArn=child)["executions"]
    aws.states.stop_execution(executionArn=execution)
    assert aws.end(nested["executionArn"])["status"] == "ABORTED"


def test_what_a_task_waits_for_is_stopped_when_its_time_is_up(aws):
    child = aws.create(WAIT, "child")
    failed = aws.run(start(child, ".sync", TimeoutSeconds=2), {"a": 1})
    assert failed["error"] == "States.Timeout"
    [nested] = aws.states.list_executions(stateMachineArn=child)["executions"]
    assert aws.end(nested["executionArn"])["status"] == "ABORTED"


def job(source: str, pattern: str = ".sync") -> dict[str, Any]:
    command = [sys.executable, "-c", source]
    parameters = {
        "ProcessingJobName.$": "$$.Execution.Name",
        "RoleArn": "arn:aws:iam::123456789012:role/any",
        "AppSpecification": {"ImageUri": "any", "ContainerEntrypoint": command},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": "ml.t3.medium",
                "VolumeSizeInGB": 1,
            }
        },
    }
    state = {
        "Type": "Task",
        "Resource": f"arn:aws:states:::sagemaker:createProcessingJob{pattern}",
        "Parameters": parameters,
        "End": True,
    }
    return {"StartAt": "Job", "States": {"Job": state}}


def test_a_task_waits_for_a_job_and_gives_its_description(aws):
    answer = aws.output(job("print('done')"))
    assert answer["ProcessingJobStatus"] == "Completed"
    assert answer["ProcessingEndTime"].endswith("Z")
    assert "ProcessingJobArn" in aws.output(job("print('done')", ""), name="unwaited")


def test_a_failed_job_fails_the_task_with_its_reason(aws):
    failed = aws.run(job("import sys; sys.exit('no dogs here')"))
    assert failed["error"] == "States.TaskFailed"
    told = json.loads(failed["cause"])
    assert told["ProcessingJobStatus"] == "Failed"
    assert told["FailureReason"]


def test_a_job_that_is_refused_says_so(aws):
    definition = job("print('done')")
    parameters = definition["States"]["Job"]["Parameters"]
    parameters["ProcessingJobName"] = "not a name"
    del parameters["ProcessingJobName.$"]
    failed = aws.run(definition)
    assert failed["error"] == "SageMaker.AmazonSageMakerException"
    assert "Error Code: ValidationException" in failed["cause"]


def test_a_job_is_stopped_with_its_execution(aws):
    execution = aws.start_execution(aws.create(job("import time; time.sleep(600)")))
    aws.wait_for_event(execution, "TaskSubmitted")
    aws.states.stop_execution(executionArn=execution)
    stopped = aws.backend.store.wait(
        "ProcessingJob",
        execution.rsplit(":", 1)[1],
        lambda kept: kept["ProcessingJobStatus"] == "Stopped",
        120,
    )
    assert stopped["ProcessingJobStatus"] == "Stopped"
