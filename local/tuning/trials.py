"""Trials as AWS summarises them: training job documents in, summaries and counts out. Pure.

A summary is an entry of ListTrainingJobsForHyperParameterTuningJob.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from local.tuning.request import Definition
from local.tuning.stopping import better

Summary = dict[str, Any]
OBJECTIVE = "FinalHyperParameterTuningJobObjectiveMetric"
FINAL = ("Completed", "Failed", "Stopped")
LONGEST_REASON = 1024  # characters, AWS's limit of FailureReason
COPIED = (
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingStartTime",
    "TrainingEndTime",
    "TrainingJobStatus",
    "FailureReason",
)


def summarise(job: Mapping[str, Any], definition: Definition, tuned: Mapping[str, str]) -> Summary:
    """The summary of a trial from its training job's document."""
    summary = {key: job[key] for key in COPIED if key in job}
    summary["TunedHyperParameters"] = dict(tuned)
    if definition.name:
        summary["TrainingJobDefinitionName"] = definition.name
    if not is_final(summary):
        return summary | {"ObjectiveStatus": "Pending"}
    objective = final_objective(job, definition.metric)
    failed = summary["TrainingJobStatus"] == "Failed"
    if objective is not None and math.isfinite(objective) and not failed:
        summary[OBJECTIVE] = {
            "Type": definition.objective_type,
            "MetricName": definition.metric,
            "Value": objective,
        }
    return summary | _verdict(summary, definition, objective)


def _verdict(summary: Summary, definition: Definition, objective: float | None) -> Summary:
    if OBJECTIVE in summary:
        return {"ObjectiveStatus": "Succeeded"}
    verdict = {"ObjectiveStatus": "Failed"}
    if summary["TrainingJobStatus"] == "Completed":
        verdict["FailureReason"] = objective_missing(definition, objective)[:LONGEST_REASON]
    return verdict


def objective_missing(definition: Definition, objective: float | None) -> str:
    """Why a completed trial has no objective: nothing found, or found but not a finite number."""
    if objective is None:
        return (
            f"ClientError: the objective metric '{definition.metric}' was not found in the logs "
            f"by its regular expression '{definition.regex}'; print it, or correct the expression."
        )
    return f"ClientError: the objective metric '{definition.metric}' ended as {objective}."


def is_final(summary: Mapping[str, Any]) -> bool:
    """Whether the training job of a summary has ended."""
    return summary["TrainingJobStatus"] in FINAL


def final_objective(job: Mapping[str, Any], metric: str) -> float | None:
    """The last value of a metric, or None when the job reported none."""
    for entry in job.get("FinalMetricDataList") or []:
        if entry["MetricName"] == metric:
            return float(entry["Value"])
    return None


def objective_value(summary: Mapping[str, Any]) -> float:
    """The final objective of a trial whose ObjectiveStatus is Succeeded."""
    return float(summary[OBJECTIVE]["Value"])


def succeeded(summaries: Sequence[Summary]) -> list[Summary]:
    """The trials whose objective is known, in the given order."""
    return [s for s in summaries if s["ObjectiveStatus"] == "Succeeded"]


def best(summaries: Sequence[Summary]) -> Summary | None:
    """The trial with the best objective, the earlier of equals; None without any."""
    chosen: Summary | None = None
    for summary in succeeded(summaries):
        kind = summary[OBJECTIVE]["Type"]
        if chosen is None or better(kind, objective_value(summary), objective_value(chosen)):
            chosen = summary
    return chosen


def status_counters(summaries: Sequence[Summary]) -> dict[str, int]:
    """TrainingJobStatusCounters."""
    names = ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
    counters = dict.fromkeys(names, 0)
    for summary in summaries:
        counters[_counter(summary)] += 1
    return counters


def _counter(summary: Summary) -> str:
    status: str = summary["TrainingJobStatus"]
    if status == "Failed":
        ours = str(summary.get("FailureReason", "")).startswith("InternalServerError")
        return "RetryableError" if ours else "NonRetryableError"
    return status if status in ("Completed", "Stopped") else "InProgress"


def objective_counters(summaries: Sequence[Summary]) -> dict[str, int]:
    """ObjectiveStatusCounters."""
    statuses = [summary["ObjectiveStatus"] for summary in summaries]
    return {name: statuses.count(name) for name in ("Succeeded", "Pending", "Failed")}
