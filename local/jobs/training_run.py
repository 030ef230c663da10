"""One training job's own part of the common course: statuses, metrics, checkpoints, artifacts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from local.iam.actor import Actor
from local.jobs.artifacts import FolderSync, merged, upload_archive, upload_tree
from local.jobs.execution import Size
from local.jobs.failure import JobFailure, client_error
from local.jobs.hosts import INTERRUPTED, Limits, Outcome
from local.jobs.launcher import HostCommand
from local.jobs.layout import HostFolder
from local.jobs.lifecycle import JobTable
from local.jobs.metric_lines import MetricLines
from local.jobs.training_hosts import TrainingHosts
from local.jobs.training_request import TrainingRequest
from local.jobs.training_status import advance, conclude, pause

METRICS_NAMESPACE = "/aws/sagemaker/TrainingJobs"
PROGRESS_INTERVAL = 0.5  # seconds between two notes of live progress in the document


class TrainingRun:
    """A training job while it runs (a Work of `execution`)."""

    def __init__(
        self,
        table: JobTable,
        request: TrainingRequest,
        arn: str,
        folders: tuple[HostFolder, ...],
        metrics: MetricLines,
        grace: float,
        on_metric: Callable[[str, float, float], None] | None,
    ) -> None:
        self._table = table
        self._backend = table.backend
        self._request = request
        self.actor = Actor(
            role=str(request.raw.get("RoleArn", "")),
            session=f"{table.kind.resource}-{request.name}",
            image=str(request.algorithm.get("TrainingImage", "")),
            volume_key=str(request.raw.get("ResourceConfig", {}).get("VolumeKmsKeyId", "")),
            output_key=str(request.raw["OutputDataConfig"].get("KmsKeyId", "")),
        )
        self._hosts = TrainingHosts(table.backend, request, arn, folders, self.actor)
        self._metrics = metrics
        self._grace = grace
        self._on_metric = on_metric
        self._created = self._backend.now()
        self._started: float | None = None
        self._ran = 0.0  # seconds before interruptions
        self._progress: dict[str, str] = {}
        self._noted = 0.0
        self._checkpoints: FolderSync | None = None
        self.name = request.name
        self.size = Size(request.instance_type, len(folders))
        self.folders: Sequence[HostFolder] = folders

    def limits(self) -> Limits:
        """MaxRuntimeInSeconds counts while the job trains, MaxWait from its creation on."""
        condition = self._request.raw.get("StoppingCondition", {})
        longest, wait = condition.get("MaxRuntimeInSeconds"), condition.get("MaxWaitTimeInSeconds")
        return Limits(
            runtime_until=self._started + longest - self._ran
            if self._started and longest
            else None,
            wait_until=self._created + wait if wait else None,
            grace=self._grace,
        )

    def wait(self) -> None:
        self._advance("Pending")

    def download(self, cores: int) -> Sequence[HostCommand]:
        self._advance("Downloading")
        commands = self._hosts.lay_out(cores)
        checkpoints = self._request.raw.get("CheckpointConfig")
        if checkpoints:
            self._checkpoints = self._sync(checkpoints)
            self._checkpoints.download()
        return commands

    def _sync(self, checkpoints: dict[str, Any]) -> FolderSync:
        local_path = checkpoints.get("LocalPath", "/opt/ml/checkpoints")
        try:
            folders = [folder.path(local_path) for folder in self.folders]
        except ValueError as error:
            raise client_error(
                f"CheckpointConfig.LocalPath {local_path} must be a folder under /opt/ml here."
            ) from error
        return FolderSync(self._backend.objects, checkpoints["S3Uri"], folders)

    def begin(self) -> None:
        self._started = self._backend.now()
        self._advance("Training")

    def take(self, host: str, line: str) -> None:
        now = self._backend.now()
        found = list(self._metrics.read(line, now))
        for name, value in found:
            dimensions = {"TrainingJobName": self.name}
            self._backend.metrics.put(METRICS_NAMESPACE, name, value, dimensions, now)
            if self._on_metric:
                self._on_metric(name, value, now)
        if found:
            self._progress[host] = line[:1000]
            self._note_progress(now)

    def _note_progress(self, now: float) -> None:
        if now - self._noted >= PROGRESS_INTERVAL:
            self._noted = now
            self._table.set_quietly(
                self.name,
                _progress=dict(self._progress),
                FinalMetricDataList=self._metrics.final(),
            )

    def tick(self) -> None:
        if self._checkpoints:
            self._checkpoints.upload()

    def upload(self, outcome: Outcome, failure: JobFailure | None) -> None:
        """Checkpoints always; unless it was interrupted output data, and the model of a success."""
        if outcome.ended == INTERRUPTED:
            self._pause()
            return
        self._advance("Uploading")
        self.tick()
        self._leave_last_words(outcome)
        raw = self._request.raw["OutputDataConfig"]
        place = f"{raw['S3OutputPath'].rstrip('/')}/{self.name}/output"
        objects = self._backend.objects
        upload_archive(objects, f"{place}/output.tar.gz", [f.output_data for f in self.folders])
        if failure:
            return
        models = [folder.model for folder in self.folders]
        if raw.get("CompressionType", "GZIP") == "GZIP":
            upload_archive(objects, f"{place}/model.tar.gz", models)
        else:
            upload_tree(objects, f"{place}/model", merged(models))

    def _pause(self) -> None:
        """Keep the checkpoints, and wait for spot capacity."""
        self.tick()
        now = self._backend.now()
        self._ran += now - self._started if self._started else 0.0
        self._started = None
        self._table.update(self.name, lambda document: pause(document, now))

    def _leave_last_words(self, outcome: Outcome) -> None:
        """The toolkit's `success` or `failure` file, where the script left none."""
        for folder, run in zip(self.folders, outcome.runs, strict=False):
            folder.output.mkdir(parents=True, exist_ok=True)
            if run.code == 0:
                (folder.output / "success").touch()
            elif not folder.read_output("failure"):
                (folder.output / "failure").write_text(run.output.last_error.text())

    def finish(self, ended: str, failure: JobFailure | None) -> None:
        now = self._backend.now()

        def change(document: dict[str, Any]) -> None:
            if self._progress:
                document["_progress"] = dict(self._progress)
            if metrics := self._metrics.final():
                document["FinalMetricDataList"] = metrics
            conclude(document, ended, failure, now)

        self._table.update(self.name, change)

    def _advance(self, secondary: str) -> None:
        now = self._backend.now()
        self._table.update(self.name, lambda document: advance(document, secondary, now))
