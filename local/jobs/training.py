"""Training jobs: CreateTrainingJob and its neighbours, each job run as real processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.backend import Backend
from local.jobs.execution import GRACE, Execution
from local.jobs.interruption import Interruptions
from local.jobs.launcher import Launcher
from local.jobs.launchers import shared_launcher
from local.jobs.layout import HostFolder
from local.jobs.lifecycle import JobTable
from local.jobs.metric_lines import MetricLines
from local.jobs.training_request import read_training_request
from local.jobs.training_run import TrainingRun
from local.jobs.training_status import KIND, conclude, enter
from local.listing import Listing

LISTING = Listing(
    answer="TrainingJobSummaries",
    name="TrainingJobName",
    summary=(
        *("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingEndTime"),
        *("LastModifiedTime", "TrainingJobStatus", "SecondaryStatus"),
    ),
    status="TrainingJobStatus",
)

OnMetric = Callable[[str, float, float], None]


class TrainingJobs:
    """The training jobs of one backend."""

    def __init__(
        self, backend: Backend, launcher: Launcher | None = None, grace: float = GRACE
    ) -> None:
        """`grace` is the time in seconds from SIGTERM to SIGKILL when a job is stopped."""
        self._backend = backend
        self._table = JobTable(backend, KIND)
        self.interruptions = Interruptions(self._table)
        self._execution = Execution(self._table, launcher or shared_launcher())
        self._grace = grace
        self.actions = self._table.actions(
            self.create, LISTING, lambda document: enter(document, "Stopping", backend.now())
        )

    def create(
        self,
        request: dict[str, Any],
        tuning_job_arn: str | None = None,
        on_metric: OnMetric | None = None,
    ) -> dict[str, Any]:
        """Start a job and answer its ARN.

        `on_metric(name, value, time)` is told of each metric value as it is printed, in a thread of
        the job's. Raises ApiError for what cannot run here or a name that is taken.
        """
        training = read_training_request(request)
        metrics = MetricLines(training.algorithm.get("MetricDefinitions", ()))
        document = self._document(request, tuning_job_arn)
        arn = self._table.create(document, request.get("Tags"))
        job = self._backend.folder / "jobs" / "training" / training.name
        folders = tuple(HostFolder(job / host, host) for host in training.hosts)
        run = TrainingRun(self._table, training, arn, folders, metrics, self._grace, on_metric)
        self._execution.start(run)
        return {"TrainingJobArn": arn}

    def recover(self) -> None:
        """Fail the jobs that ran when the server last stopped."""
        self._table.fail_interrupted(
            lambda document, failure: conclude(document, "", failure, self._backend.now())
        )

    def _document(self, request: dict[str, Any], tuning_job_arn: str | None) -> dict[str, Any]:
        output = request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        packed = request["OutputDataConfig"].get("CompressionType", "GZIP") == "GZIP"
        place = f"{output}/{request['TrainingJobName']}/output/model"
        defaults: dict[str, Any] = {
            "EnableNetworkIsolation": False,
            "EnableInterContainerTrafficEncryption": False,
            "EnableManagedSpotTraining": False,
            "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
        }
        document = {**defaults, **{k: v for k, v in request.items() if k != "Tags"}}
        # AWS answers an empty key when there is none, and the SDK's attach() reads it.
        document["OutputDataConfig"] = {"KmsKeyId": "", **request["OutputDataConfig"]}
        document["ModelArtifacts"] = {
            "S3ModelArtifacts": f"{place}.tar.gz" if packed else f"{place}/"
        }
        if tuning_job_arn:
            document["TuningJobArn"] = tuning_job_arn
        enter(document, "Starting", self._backend.now())
        return document
