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
        document["TrainingStartTime"] = now


def conclude(document: Document, ended: str, failure: JobFailure | None, now: float) -> None:
    """The last status: Completed, Failed with its reason, Stopped, or Stopped by a limit."""
    lifecycle.conclude(KIND, document, ended, failure, now)
    secondary = "Failed" if failure else ended or "Completed"
    enter(document, secondary, now, str(failure) if failure else "")
    document["SecondaryStatusTransitions"][-1]["EndTime"] = now
    if "TrainingStartTime" in document:
        seconds = max(1, round(now - document["TrainingStartTime"]))
        document["TrainingTimeInSeconds"] = seconds
        document["BillableTimeInSeconds"] = seconds
