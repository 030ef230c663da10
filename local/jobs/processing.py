"""Processing jobs: CreateProcessingJob and its neighbours, each job run as real processes."""

from __future__ import annotations

from typing import Any

from local.backend import Backend
from local.jobs.execution import GRACE, Execution
from local.jobs.launcher import Launcher
from local.jobs.launchers import shared_launcher
from local.jobs.layout import HostFolder
from local.jobs.lifecycle import JobTable, Kind, conclude
from local.jobs.processing_request import read_processing_request
from local.jobs.processing_run import ProcessingRun
from local.listing import Listing

KIND = Kind("ProcessingJob", "Processing", "processing-job", "processing job")

LISTING = Listing(
    answer="ProcessingJobSummaries",
    name="ProcessingJobName",
    summary=(
        *("ProcessingJobName", "ProcessingJobArn", "CreationTime", "ProcessingEndTime"),
        *("LastModifiedTime", "ProcessingJobStatus", "FailureReason", "ExitMessage"),
    ),
    status="ProcessingJobStatus",
)


class ProcessingJobs:
    """The processing jobs of one backend."""

    def __init__(
        self, backend: Backend, launcher: Launcher | None = None, grace: float = GRACE
    ) -> None:
        """`grace` is the time in seconds from SIGTERM to SIGKILL when a job is stopped."""
        self._backend = backend
        self._table = JobTable(backend, KIND)
        self._execution = Execution(self._table, launcher or shared_launcher())
        self._grace = grace
        self.actions = self._table.actions(self.create, LISTING)

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start a job and answer its ARN; raises ApiError for what cannot run here."""
        processing = read_processing_request(request)
        document = {
            "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
            **{key: value for key, value in request.items() if key != "Tags"},
        }
        arn = self._table.create(document, request.get("Tags"))
        job = self._backend.folder / "jobs" / "processing" / processing.name
        folders = tuple(HostFolder(job / host, host) for host in processing.hosts)
        run = ProcessingRun(self._table, processing, arn, folders, self._grace)
        self._execution.start(run)
        return {"ProcessingJobArn": arn}

    def recover(self) -> None:
        """Fail the jobs that ran when the server last stopped."""
        self._table.fail_interrupted(
            lambda document, failure: conclude(KIND, document, "", failure, self._backend.now())
        )
