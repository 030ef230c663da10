"""Pipeline executions as values: read once through boto3, then printed or compared."""

from __future__ import annotations

from typing import Any

from commands.output import seconds_between, table

FINAL = {"Succeeded", "Failed", "Stopped"}


def read_execution(sagemaker: Any, arn: str) -> dict[str, Any]:
    """One execution with its steps: {arn, name, status, failure_reason, steps[…]}."""
    described = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    return {
        "arn": arn,
        "name": described.get("PipelineExecutionDisplayName", arn.rpartition("/")[2]),
        "status": described["PipelineExecutionStatus"],
        "failure_reason": described.get("FailureReason"),
        "started": described.get("CreationTime"),
        "steps": read_steps(sagemaker, arn),
    }


def read_steps(sagemaker: Any, arn: str) -> list[dict[str, Any]]:
    """The steps of an execution in the order in which they started."""
    answer = sagemaker.list_pipeline_execution_steps(
        PipelineExecutionArn=arn, SortOrder="Ascending"
    )
    return [_step(step) for step in answer["PipelineExecutionSteps"]]


def _step(step: dict[str, Any]) -> dict[str, Any]:
    kind, metadata = next(iter((step.get("Metadata") or {"": {}}).items()))
    return {
        "name": step["StepName"],
        "type": kind,
        "status": step["StepStatus"],
        "seconds": seconds_between(step.get("StartTime"), step.get("EndTime")),
        "attempts": step.get("AttemptCount", 1),
        "cached": "CacheHitResult" in step,
        "failure_reason": step.get("FailureReason"),
        "arn": metadata.get("Arn"),
        "outcome": metadata.get("Outcome"),
        "message": metadata.get("ErrorMessage"),
    }


def find_last_data(sagemaker: Any, pipeline: str) -> str | None:
    """The InputDataUri of the newest execution that succeeded; None where there is none."""
    try:
        found = sagemaker.list_pipeline_executions(PipelineName=pipeline, SortOrder="Descending")
    except sagemaker.exceptions.ResourceNotFound:
        return None
    for execution in found["PipelineExecutionSummaries"]:
        if execution["PipelineExecutionStatus"] == "Succeeded":
            answer = sagemaker.list_pipeline_parameters_for_execution(
                PipelineExecutionArn=execution["PipelineExecutionArn"]
            )
            values = {one["Name"]: one["Value"] for one in answer["PipelineParameters"]}
            return values.get("InputDataUri")
    return None


def describe(execution: dict[str, Any]) -> str:
    """The execution as text: a table of its steps and, if it failed, why."""
    rows = [[s["name"], s["type"], s["status"], _seconds(s), _note(s)] for s in execution["steps"]]
    lines = [f"{execution['status']}  {execution['arn']}"]
    if rows:
        lines.append(table(rows))
    reasons = [step["failure_reason"] for step in execution["steps"] if step["failure_reason"]]
    if execution["status"] == "Failed":
        lines += reasons or [execution["failure_reason"] or "no reason was given"]
    return "\n".join(lines)


def _seconds(step: dict[str, Any]) -> str:
    return "" if step["seconds"] is None else f"{step['seconds']:.1f} s"


def _note(step: dict[str, Any]) -> str:
    notes = ["cached"] if step["cached"] else []
    if step["attempts"] and step["attempts"] > 1:
        notes.append(f"{step['attempts']} attempts")
    if step["outcome"]:
        notes.append(str(step["outcome"]))
    return ", ".join(notes)
