"""What an execution may do next, from what its steps have done so far. Pure.

Order is deterministic: ready steps come in the order in which the definition lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from local.pipelines.definition import Definition, Step

ENDED_BADLY = ("Failed", "Stopped")


@dataclass(frozen=True)
class Progress:
    """How far one step has come: its StepStatus, and a Condition's outcome."""

    status: str
    outcome: bool | None = None


def ready(definition: Definition, progress: Mapping[str, Progress]) -> list[Step]:
    """The steps that may start now; none once a step has failed or was stopped."""
    if any(each.status in ENDED_BADLY for each in progress.values()):
        return []
    return [step for step in definition.steps.values() if _may_start(step, progress)]


def _may_start(step: Step, progress: Mapping[str, Progress]) -> bool:
    if step.name in progress or not _on_taken_branch(step, progress):
        return False
    return all(name in progress and _succeeded(progress[name]) for name in step.waits_for)


def _succeeded(progress: Progress) -> bool:
    return progress.status == "Succeeded"


def _on_taken_branch(step: Step, progress: Mapping[str, Progress]) -> bool:
    if step.condition is None:
        return True
    condition = progress.get(step.condition)
    return condition is not None and condition.outcome == step.branch


def skipped(definition: Definition, progress: Mapping[str, Progress]) -> set[str]:
    """The steps that can never start: on a branch not taken, or waiting for such a step."""
    never: set[str] = set()
    while True:
        more = {
            step.name
            for step in definition.steps.values()
            if step.name not in never | progress.keys() and _never(step, progress, never)
        }
        if not more:
            return never
        never |= more


def _never(step: Step, progress: Mapping[str, Progress], never: set[str]) -> bool:
    if step.waits_for & never:
        return True
    condition = progress.get(step.condition or "")
    decided = condition is not None and condition.outcome is not None
    return decided and not _on_taken_branch(step, progress)


def result(progress: Mapping[str, Progress]) -> str:
    """The execution's status when nothing runs and nothing more may start."""
    statuses = {each.status for each in progress.values()}
    if "Failed" in statuses:
        return "Failed"
    return "Stopped" if "Stopped" in statuses else "Succeeded"
