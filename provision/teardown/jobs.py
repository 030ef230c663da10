"""The jobs of our pipeline, found through its executions, and the logs that they wrote.

A job leaves a record that SageMaker never deletes, and streams in log groups that all jobs of the
account share. Only through the pipeline is it known which are ours: so they go before it does.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from provision.change import Change, Clients
from provision.teardown.ownership import unless_gone

LOG_STREAMS = "log-streams"
RUNNING = ("InProgress", "Stopping")


@dataclass(frozen=True)
class Kind:
    """A type of job as SageMaker's API calls it."""

    name: str
    call: str  # in the names of boto3's methods
    logs: str  # the log group of all such jobs

    @property
    def streams(self) -> str:
        """What a job's streams are called after its name; a tuning job's are its trials'."""
        return r"-\d{3,}-[0-9a-f]+/" if self.call.startswith("hyper") else "/"


# A step's metadata -> the job that it ran.
KINDS = {
    "ProcessingJob": Kind("ProcessingJob", "processing_job", "/aws/sagemaker/ProcessingJobs"),
    "TrainingJob": Kind("TrainingJob", "training_job", "/aws/sagemaker/TrainingJobs"),
    "TuningJob": Kind(
        "HyperParameterTuningJob", "hyper_parameter_tuning_job", "/aws/sagemaker/TrainingJobs"
    ),
}


@dataclass(frozen=True)
class Job:
    """One job of an execution."""

    kind: Kind
    name: str
    has_succeeded: bool = field(compare=False)  # by what its step says

    @property
    def named(self) -> dict[str, str]:
        """How a request names it."""
        return {f"{self.kind.name}Name": self.name}


def find_jobs(clients: Clients, executions: list[str]) -> list[Job]:
    """The jobs of the steps of executions, each once: a cached step names an earlier job."""
    jobs = (job for arn in executions for step in _steps(clients, arn) for job in _jobs(step))
    return list(dict.fromkeys(jobs))


def is_running(clients: Clients, job: Job) -> bool:
    """Whether the job has not ended yet."""
    if job.has_succeeded:
        return False
    describe = getattr(clients("sagemaker"), f"describe_{job.kind.call}")
    found = unless_gone(lambda: describe(**job.named))
    return found is not None and found[f"{job.kind.name}Status"] in RUNNING


def stop_job(clients: Clients, job: Job) -> None:
    """Ask a job to stop; one that is about to end may end otherwise."""
    getattr(clients("sagemaker"), f"stop_{job.kind.call}")(**job.named)


def find_streams(clients: Clients, jobs: list[Job]) -> Iterator[Change]:
    """The log streams of the jobs, as one change for each of the shared groups."""
    streams: dict[str, list[str]] = defaultdict(list)
    for job in jobs:
        streams[job.kind.logs] += _streams(clients("logs"), job)
    for group, names in sorted(streams.items()):
        if names:
            reason = f"{len(names)} streams of the pipeline's jobs; the group is the account's"
            yield Change("delete", LOG_STREAMS, group, reason, tuple(names))


def delete_streams(clients: Clients, change: Change) -> None:
    """Delete the streams; the group stays, since other jobs write to it too."""
    for stream in change.desired:
        unless_gone(
            partial(
                clients("logs").delete_log_stream,
                logGroupName=change.name,
                logStreamName=stream,
            )
        )


def _steps(clients: Clients, execution: str) -> list[dict[str, Any]]:
    pages = (
        clients("sagemaker")
        .get_paginator("list_pipeline_execution_steps")
        .paginate(PipelineExecutionArn=execution)
    )
    return unless_gone(lambda: [s for page in pages for s in page["PipelineExecutionSteps"]]) or []


def _jobs(step: dict[str, Any]) -> Iterator[Job]:
    for key, metadata in (step.get("Metadata") or {}).items():
        if key in KINDS and metadata.get("Arn"):
            name = metadata["Arn"].rpartition("/")[2]
            yield Job(KINDS[key], name, step["StepStatus"] == "Succeeded")


def _streams(logs: Any, job: Job) -> list[str]:
    pages = logs.get_paginator("describe_log_streams").paginate(
        logGroupName=job.kind.logs, logStreamNamePrefix=job.name
    )
    found = unless_gone(lambda: [item for page in pages for item in page["logStreams"]]) or []
    ours = re.compile(re.escape(job.name) + job.kind.streams)
    return [item["logStreamName"] for item in found if ours.match(item["logStreamName"])]
