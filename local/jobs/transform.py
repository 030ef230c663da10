"""Transform jobs: a model's own handlers over every object of an S3 prefix."""

from __future__ import annotations

from typing import Any

from local.backend import Backend
from local.jobs.execution import GRACE, Execution
from local.jobs.launcher import Launcher
from local.jobs.launchers import shared_launcher
from local.jobs.layout import HostFolder
from local.jobs.lifecycle import JobTable, Kind, conclude
from local.jobs.transform_request import read_transform_request
from local.jobs.transform_run import TransformRun
from local.listing import Listing
from local.model_container import Call

KIND = Kind("TransformJob", "Transform", "transform-job", "transform job", can_be_deleted=False)

LISTING = Listing(
    answer="TransformJobSummaries",
    name="TransformJobName",
    summary=(
        *("TransformJobName", "TransformJobArn", "CreationTime", "TransformEndTime"),
        *("LastModifiedTime", "TransformJobStatus", "FailureReason"),
    ),
    status="TransformJobStatus",
)


class TransformJobs:
    """The transform jobs of one backend; `call` reaches the models."""

    def __init__(
        self,
        backend: Backend,
        call: Call,
        launcher: Launcher | None = None,
        grace: float = GRACE,
    ) -> None:
        self._backend = backend
        self._call = call
        self._table = JobTable(backend, KIND)
        self._execution = Execution(self._table, launcher or shared_launcher())
        self._grace = grace
        self.actions = self._table.actions(self.create, LISTING)

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start a job and answer its ARN; raises ApiError for what cannot run here."""
        transform = read_transform_request(request, self._call)
        document = {key: value for key, value in request.items() if key != "Tags"}
        arn = self._table.create(document, request.get("Tags"))
        job = self._backend.folder / "jobs" / "transform" / transform.name
        folders = tuple(HostFolder(job / host, host) for host in transform.hosts)
        run = TransformRun(self._table, transform, folders, self._grace)
        self._execution.start(run)
        return {"TransformJobArn": arn}

    def recover(self) -> None:
        """Fail the jobs that ran when the server last stopped."""
        self._table.fail_interrupted(
            lambda document, failure: conclude(KIND, document, "", failure, self._backend.now())
        )
