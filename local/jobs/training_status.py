"""The statuses of a training job, as they move on AWS, written into its document."""

from __future__ import annotations

from local.jobs import lifecycle
from local.jobs.failure import JobFailure
from local.jobs.hosts import MAX_RUNTIME, MAX_WAIT
from local.store import Document

KIND = lifecycle.Kind("TrainingJob", "Training", "training-job", "training job")

MESSAGES = {
    "Starting": "Starting the training job",
    "Pending": "Waiting for free cores on this machine",
    "Downloading": "Downloading input data",
    "Training": "Training in progress",
    "Uploading": "Uploading generated training model",
    "Interrupted": "Spot capacity is taken away; the instances end within two minutes",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Stopped": "Training job stopped",
    "Failed": "Training job failed",
    MAX_RUNTIME: "Training job runtime exceeded MaxRuntimeInSeconds",
    MAX_WAIT: "Training job waited longer than MaxWaitTimeInSeconds",
}


def enter(document: Document, secondary: str, now: float, message: str = "") -> None:
    """Move to a secondary status: its transition opens, the one before closes."""
    transitions = document.setdefault("SecondaryStatusTransitions", [])
    if transitions and transitions[-1]["Status"] == secondary:
        return
    if transitions:
        transitions[-1]["EndTime"] = now
    transitions.append(
        {
            "Status": secondary,
            "StartTime": now,
            "StatusMessage": message or MESSAGES[secondary],
        }
    )
    document["SecondaryStatus"] = secondary


def advance(document: Document, secondary: str, now: float) -> None:
    """Move on in the normal course; a job that is Stopping stays so."""
    if document["TrainingJobStatus"] == "InProgress":
        enter(document, secondary, now)
    if secondary == "Downloading":
        document.setdefault("TrainingStartTime", now)
        document["_since"] = now


def pause(document: Document, now: float) -> None:
    """The instances are gone; the job waits for others, and is not billed meanwhile."""
    document["_seconds"] = _seconds(document, now)
    document.pop("_since", None)
    if document["TrainingJobStatus"] == "InProgress":
        enter(document, "Starting", now, "Waiting for spot capacity")


def _seconds(document: Document, now: float) -> float:
    """How long the job had its instances until now."""
    before = float(document.get("_seconds", 0.0))
    return before + (now - document["_since"] if "_since" in document else 0.0)


def conclude(document: Document, ended: str, failure: JobFailure | None, now: float) -> None:
    """The last status: Completed, Failed with its reason, Stopped, or Stopped by a limit."""
    lifecycle.conclude(KIND, document, ended, failure, now)
    secondary = "Failed" if failure else ended or "Completed"
    enter(document, secondary, now, str(failure) if failure else "")
    document["SecondaryStatusTransitions"][-1]["EndTime"] = now
    if "TrainingStartTime" in document:
        seconds = max(1, round(_seconds(document, now)))
        document["TrainingTimeInSeconds"] = seconds
        document["BillableTimeInSeconds"] = seconds
