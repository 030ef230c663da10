"""Executions become values that print and serialise."""

from datetime import datetime, timedelta, timezone

from commands.executions import describe, read_steps

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


class SageMaker:
    def __init__(self, *steps):
        self.steps = list(steps)

    def list_pipeline_execution_steps(self, PipelineExecutionArn, SortOrder):  # noqa: N803
        return {"PipelineExecutionSteps": self.steps}


def test_a_step_carries_its_type_its_seconds_and_its_job():
    raw = {
        "StepName": "Train",
        "StepStatus": "Succeeded",
        "StartTime": START,
        "EndTime": START + timedelta(seconds=12.34),
        "AttemptCount": 2,
        "Metadata": {"TrainingJob": {"Arn": "arn:job"}},
    }
    (step,) = read_steps(SageMaker(raw), "arn")
    assert step["type"] == "TrainingJob"
    assert step["seconds"] == 12.3
    assert step["attempts"] == 2
    assert step["arn"] == "arn:job"
    assert step["cached"] is False


def test_a_step_that_has_not_begun_has_no_type_and_no_seconds():
    (step,) = read_steps(SageMaker({"StepName": "Gate", "StepStatus": "Starting"}), "arn")
    assert (step["type"], step["seconds"], step["arn"]) == ("", None, None)


def test_a_failed_execution_prints_why():
    raw = {"StepName": "Train", "StepStatus": "Failed", "FailureReason": "ClientError: no data"}
    execution = {
        "arn": "arn",
        "status": "Failed",
        "failure_reason": "Step failure",
        "steps": read_steps(SageMaker(raw), "arn"),
    }
    assert describe(execution).splitlines()[-1] == "ClientError: no data"
