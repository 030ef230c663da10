"""Jobs of any kind as values: read once through boto3, then printed or followed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from commands.output import seconds_between, table

FINAL = {"Completed", "Failed", "Stopped"}
NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
UNKNOWN = {
    "ResourceNotFound",
    "ValidationException",
}  # how Describe… says that there is no such job


@dataclass(frozen=True)
class JobKind:
    """What tells one kind of job from another in SageMaker's API.

    `name` is the stem of the API's keys, `prefix` that of the times, `resource` the ARN's type.
    """

    words: str
    name: str
    prefix: str
    resource: str
    action: str

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/{self.name}s"

    def describe(self, sagemaker: Any, name: str) -> dict[str, Any]:
        """What SageMaker knows of the job."""
        described: dict[str, Any] = getattr(sagemaker, self.action)(**{f"{self.name}Name": name})
        return described


TUNING = JobKind(
    *("tuning job", "HyperParameterTuningJob", "HyperParameterTuning"),
    *("hyper-parameter-tuning-job", "describe_hyper_parameter_tuning_job"),
)
KINDS = (
    JobKind("training job", "TrainingJob", "Training", "training-job", "describe_training_job"),
    TUNING,
    JobKind(
        *("processing job", "ProcessingJob", "Processing"),
        *("processing-job", "describe_processing_job"),
    ),
    JobKind(
        *("transform job", "TransformJob", "Transform", "transform-job", "describe_transform_job"),
    ),
)


def kinds_of(sagemaker: Any, name: str) -> list[JobKind]:
    """The kinds of job that have one of this name."""
    from botocore.exceptions import ClientError

    if not NAME.fullmatch(name):
        return []
    found = []
    for kind in KINDS:
        try:
            kind.describe(sagemaker, name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in UNKNOWN:
                raise
        else:
            found.append(kind)
    return found


def read_job(sagemaker: Any, kind: JobKind, name: str) -> dict[str, Any]:
    """One job: {kind, name, arn, status, stages[…], seconds, metrics, …}; None where not known."""
    described = kind.describe(sagemaker, name)
    started = described.get(f"{kind.prefix}StartTime") or described.get("CreationTime")
    metrics = described.get("FinalMetricDataList", ())
    return {
        "kind": kind.words,
        "name": name,
        "arn": described[f"{kind.name}Arn"],
        "status": described[f"{kind.name}Status"],
        "stages": [_stage(change) for change in described.get("SecondaryStatusTransitions", ())],
        "started": started,
        "seconds": seconds_between(started, described.get(f"{kind.prefix}EndTime")),
        "billable_seconds": described.get("BillableTimeInSeconds"),
        "metrics": {metric["MetricName"]: metric["Value"] for metric in metrics},
        "artifact": described.get("ModelArtifacts", {}).get("S3ModelArtifacts"),
        "trials": described.get("TrainingJobStatusCounters"),
        "best": _best(described.get("BestTrainingJob")),
        "failure_reason": described.get("FailureReason"),
    }


def _stage(change: dict[str, Any]) -> dict[str, str]:
    return {"status": change["Status"], "message": change.get("StatusMessage", "")}


def _best(trial: dict[str, Any] | None) -> dict[str, Any] | None:
    """The best trial of a tuning job, once one has ended."""
    if not trial:
        return None
    objective = trial.get("FinalHyperParameterTuningJobObjectiveMetric", {})
    return {
        "name": trial["TrainingJobName"],
        "metric": objective.get("MetricName"),
        "value": objective.get("Value"),
        "hyperparameters": trial.get("TunedHyperParameters", {}),
    }


def describe_job(job: dict[str, Any]) -> str:
    """The job as text: how it ended, its figures, and if it failed, why."""
    lines = [f"{job['status']}  {job['arn']}"]
    rows = [["time", f"{job['seconds']:.1f} s"]] if job["seconds"] is not None else []
    if job["billable_seconds"] is not None:
        rows.append(["billed", f"{job['billable_seconds']} s"])
    rows += [[name, f"{value:.6g}"] for name, value in sorted(job["metrics"].items())]
    if job["best"]:
        rows += _best_rows(job["best"])
    if job["artifact"] and job["status"] == "Completed":
        rows.append(["model", job["artifact"]])
    if rows:
        lines.append(table(rows))
    if job["failure_reason"]:
        lines.append(job["failure_reason"])
    return "\n".join(lines)


def _best_rows(best: dict[str, Any]) -> list[list[str]]:
    tuned = sorted(best["hyperparameters"].items())
    rows = [["best trial", best["name"]], *([name, value.strip('"')] for name, value in tuned)]
    if best["metric"]:
        rows.append([best["metric"], f"{best['value']:.6g}"])
    return rows
