"""When a tuning job ends, and as what. Pure: plan and summaries in, a verdict out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from local.tuning import stopping, trials
from local.tuning.request import Plan
from local.tuning.trials import Summary

MOST_WITHOUT_OBJECTIVE = 5  # completed trials; AWS gives up after as many


@dataclass(frozen=True)
class Ending:
    """Why no more trials start: the tuning job's final status, and its FailureReason or ""."""

    status: str
    reason: str = ""


def find_ending(plan: Plan, elapsed: float, finished: Sequence[Summary]) -> Ending | None:
    """The reason to end after `elapsed` seconds, or None to go on.

    `finished` are the trials that have ended, in the order in which they did.
    """
    if plan.seconds is not None and elapsed >= plan.seconds:
        return Ending("Completed")
    return _objective_missing(finished) or _criteria_met(plan, finished)


def _objective_missing(finished: Sequence[Summary]) -> Ending | None:
    completed = [s for s in finished if s["TrainingJobStatus"] == "Completed"]
    if trials.succeeded(finished) or len(completed) < MOST_WITHOUT_OBJECTIVE:
        return None
    return Ending("Failed", completed[0]["FailureReason"])


def _criteria_met(plan: Plan, finished: Sequence[Summary]) -> Ending | None:
    values = [trials.objective_value(summary) for summary in trials.succeeded(finished)]
    kind = plan.definitions[0].objective_type
    if plan.target is not None:
        for value in values:
            if stopping.reached(kind, value, plan.target):
                return Ending("Completed")
    if plan.patience is not None and stopping.not_improving(kind, values) >= plan.patience:
        return Ending("Completed")
    return None


def judge(ending: Ending, summaries: Sequence[Summary]) -> Ending:
    """Completed needs one trial with an objective; without any, the first that failed says why."""
    if ending.status != "Completed" or trials.succeeded(summaries):
        return ending
    first = next((s for s in summaries if "FailureReason" in s), None)
    if first is None:
        return Ending("Failed", "ClientError: no training job reported an objective in time.")
    text = (
        f"All training jobs failed; the first, {first['TrainingJobName']}: {first['FailureReason']}"
    )
    return Ending("Failed", text[: trials.LONGEST_REASON])
