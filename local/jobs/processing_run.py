"""One processing job's own part of the common course: its hosts, inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local.iam.actor import Actor
from local.jobs.artifacts import FolderSync
from local.jobs.channels import find_content, place
from local.jobs.execution import Size
from local.jobs.failure import JobFailure, client_error
from local.jobs.hosts import MAX_RUNTIME, Limits, Outcome
from local.jobs.launcher import HostCommand
from local.jobs.layout import (
    HostFolder,
    base_environment,
    feature_cache,
    network_interface,
    resource_config,
    write_hosts_file,
    write_json,
)
from local.jobs.lifecycle import JobTable, conclude
from local.jobs.machine import gpu_variables
from local.jobs.processing_request import ProcessingRequest


class ProcessingRun:
    """A processing job while it runs (a Work of `execution`)."""

    def __init__(
        self,
        table: JobTable,
        request: ProcessingRequest,
        arn: str,
        folders: tuple[HostFolder, ...],
        grace: float,
    ) -> None:
        self._table = table
        self._backend = table.backend
        self._request = request
        self._arn = arn
        self._grace = grace
        self._started: float | None = None
        self._outputs = {
            output.name: FolderSync(
                self._backend.objects, output.uri, [f.path(output.path) for f in folders]
            )
            for output in request.outputs
        }
        self.name = request.name
        self.actor = Actor(
            role=str(request.raw.get("RoleArn", "")),
            session=f"{table.kind.resource}-{request.name}",
            image=str(request.raw["AppSpecification"].get("ImageUri", "")),
            volume_key=str(
                request.raw["ProcessingResources"]["ClusterConfig"].get("VolumeKmsKeyId", "")
            ),
            output_key=str(request.raw.get("ProcessingOutputConfig", {}).get("KmsKeyId", "")),
        )
        self.size = Size(request.instance_type, len(folders))
        self.folders: Sequence[HostFolder] = folders

    def limits(self) -> Limits:
        longest = self._request.raw.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
        until = self._started + longest if self._started and longest else None
        return Limits(runtime_until=until, grace=self._grace)

    def wait(self) -> None:
        return  # SageMaker shows no status of its own for it

    def download(self, cores: int) -> Sequence[HostCommand]:
        if not self._request.command:
            raise client_error(
                f"{self._request.raw['AppSpecification']['ImageUri']} cannot be run: the embedded "
                "AWS pulls no images. Name a command in AppSpecification.ContainerEntrypoint, as "
                "the SDK's processors do."
            )
        contents = {
            i.name: find_content(self._backend.objects, i.source) for i in self._request.inputs
        }
        for index, host in enumerate(self.folders):
            for each in self._request.inputs:
                share = contents[each.name].share(index, len(self.folders), each.source)
                place(share, host.path(each.path), each.source.gunzip)
            self._configure(host)
        return [self._command(host, rank, cores) for rank, host in enumerate(self.folders)]

    def _configure(self, host: HostFolder) -> None:
        for output in self._request.outputs:
            host.path(output.path).mkdir(parents=True, exist_ok=True)
        host.output.mkdir(parents=True, exist_ok=True)
        config = host.root / "config"
        raw = {**self._request.raw, "ProcessingJobArn": self._arn}
        groups = {"homogeneousCluster": (self._request.instance_type, self._request.hosts)}
        write_json(config / "processingjobconfig.json", raw)
        write_json(
            config / "resourceconfig.json",
            resource_config(host.host, groups, network_interface()),
        )
        write_hosts_file(host, self._request.hosts)

    def _command(self, host: HostFolder, rank: int, cores: int) -> HostCommand:
        environment = {
            **base_environment(cores),
            **gpu_variables(self._request.instance_type, len(self.folders), rank),
            **self._backend.credentials.environment_of(self.actor.caller),
            "BREEDLINE_FEATURE_CACHE": str(feature_cache(self._backend.folder)),
            **self._request.raw.get("Environment", {}),
            "PROCESSING_JOB_NAME": self.name,
            "PROCESSING_JOB_ARN": self._arn,
        }
        return HostCommand(
            host=host.host,
            command=[host.localise(word) for word in self._request.command],
            environment={name: host.localise(value) for name, value in environment.items()},
            folder=host.root,
            root=host.root,
            hosts_file=host.hosts_file,
        )

    def begin(self) -> None:
        self._started = self._backend.now()
        self._table.set_quietly(self.name, ProcessingStartTime=self._started)

    def take(self, host: str, line: str) -> None:
        return  # the log has it; processing jobs have no metrics

    def tick(self) -> None:
        for output in self._request.outputs:
            if output.continuous:
                self._outputs[output.name].upload()

    def upload(self, outcome: Outcome, failure: JobFailure | None) -> None:
        """Outputs uploaded at the end of the job need a job that ended well."""
        self.tick()
        if failure is None and not outcome.ended:
            for sync in self._outputs.values():
                sync.upload()

    def finish(self, ended: str, failure: JobFailure | None) -> None:
        now = self._backend.now()
        messages = [folder.read_output("message") for folder in self.folders]
        message = next((text for text in messages if text), "")

        def change(document: dict[str, Any]) -> None:
            conclude(self._table.kind, document, ended, failure, now)
            if ended == MAX_RUNTIME:
                document["FailureReason"] = (
                    "ClientError: the job ran longer than its MaxRuntimeInSeconds."
                )
            if message:
                document["ExitMessage"] = message[:1024]

        self._table.update(self.name, change)
