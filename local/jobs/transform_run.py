"""One transform job's own part of the common course: the model, its inputs, its answers."""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local.iam.actor import Actor
from local.jobs.artifacts import merged, upload_tree
from local.jobs.channels import Content, find_content, place
from local.jobs.execution import Size
from local.jobs.failure import JobFailure, client_error
from local.jobs.hosts import Limits, Outcome
from local.jobs.launcher import HostCommand
from local.jobs.layout import HostFolder, base_environment, write_hosts_file, write_json
from local.jobs.lifecycle import JobTable, conclude
from local.jobs.machine import gpu_variables
from local.jobs.manifests import read_object
from local.jobs.program import check_requirements, unpack, unpack_submit_directory
from local.jobs.transform_request import TransformRequest
from local.model_container import model_data

WORKER = Path(__file__).parent / "inside" / "transform_worker.py"


class TransformRun:
    """A transform job while it runs (a Work of `execution`)."""

    def __init__(
        self,
        table: JobTable,
        request: TransformRequest,
        folders: tuple[HostFolder, ...],
        grace: float,
    ) -> None:
        self._table = table
        self._backend = table.backend
        self._request = request
        self._grace = grace
        self.name = request.name
        self.actor = Actor(
            role=request.role,
            session=f"{table.kind.resource}-{request.name}",
            image=str(request.container.get("Image", "")),
            volume_key=str(request.raw["TransformResources"].get("VolumeKmsKeyId", "")),
            output_key=str(request.raw["TransformOutput"].get("KmsKeyId", "")),
        )
        self.size = Size(request.instance_type, len(folders))
        self.folders: Sequence[HostFolder] = folders

    def limits(self) -> Limits:
        return Limits(grace=self._grace)

    def wait(self) -> None:
        return  # SageMaker shows no status of its own for it

    def download(self, cores: int) -> Sequence[HostCommand]:
        content = find_content(self._backend.objects, self._request.source)
        commands = []
        for index, host in enumerate(self.folders):
            self._place_model(host)
            share = content.share(index, len(self.folders), self._request.source)
            place(share, host.data, self._request.source.gunzip)
            write_hosts_file(host, self._request.hosts)
            write_json(host.config / "transform.json", self._plan(host, share))
            commands.append(self._command(host, index, cores))
        return commands

    def _place_model(self, host: HostFolder) -> None:
        uri = model_data(self._request.container)
        if not uri:
            raise client_error(
                f"Model '{self._request.raw['ModelName']}' has no ModelDataUrl: the embedded AWS "
                "pulls no images and needs the handlers in the model data (code/inference.py)."
            )
        host.model.mkdir(parents=True, exist_ok=True)
        stored = read_object(self._backend.objects, uri, "model data")
        try:
            unpack(stored.path, host.model)
        except (tarfile.TarError, EOFError, OSError) as error:
            raise client_error(f"The model data {uri} cannot be unpacked: {error}") from error
        submitted = self._request.environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
        if submitted.startswith("s3://"):
            unpack_submit_directory(self._backend.objects, submitted, host.model / "code")
        check_requirements(host.model / "code")

    def _plan(self, host: HostFolder, share: Content) -> dict[str, Any]:
        names = [path for item in share.items for _, path in item.files]
        gunzip = self._request.source.gunzip
        return {
            **self._request.options(),
            "model": str(host.model),
            "data": str(host.data),
            "answers": str(host.root / "answers"),
            "failure": str(host.output / "failure"),
            "names": [name.removesuffix(".gz") if gunzip else name for name in names],
        }

    def _command(self, host: HostFolder, rank: int, cores: int) -> HostCommand:
        host.output.mkdir(parents=True, exist_ok=True)
        environment = {
            **base_environment(cores),
            **gpu_variables(self._request.instance_type, len(self.folders), rank),
            **self._backend.credentials.environment_of(self.actor.caller),
            "SAGEMAKER_BATCH": "True",
            **self._request.environment,
        }
        return HostCommand(
            host=host.host,
            command=[sys.executable, str(WORKER), str(host.config / "transform.json")],
            environment={name: host.localise(value) for name, value in environment.items()},
            folder=host.model,
            root=host.root,
            hosts_file=host.hosts_file,
        )

    def begin(self) -> None:
        self._table.set_quietly(self.name, TransformStartTime=self._backend.now())

    def take(self, host: str, line: str) -> None:
        return  # the log has it

    def tick(self) -> None:
        return  # answers are uploaded when all are there

    def upload(self, outcome: Outcome, failure: JobFailure | None) -> None:
        """Upload the answers of a job that ended well, each as `<key>.out`."""
        if failure is None and not outcome.ended:
            answers = merged([folder.root / "answers" for folder in self.folders])
            output = self._request.raw["TransformOutput"]["S3OutputPath"]
            upload_tree(self._backend.objects, output, answers)

    def finish(self, ended: str, failure: JobFailure | None) -> None:
        now = self._backend.now()
        kind = self._table.kind
        self._table.update(
            self.name, lambda document: conclude(kind, document, ended, failure, now)
        )
