"""The hosts of a training job: their folders, channels, configuration, environment, command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local.backend import Backend
from local.iam.actor import Actor
from local.jobs.channels import find_content, place
from local.jobs.failure import client_error
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
from local.jobs.machine import free_port, gpu_variables, host_gpus
from local.jobs.program import (
    check_requirements,
    entry_command,
    torch_distributed_command,
    unpack_submit_directory,
)
from local.jobs.script_mode import Machine, training_variables
from local.jobs.training_request import Channel, TrainingRequest


@dataclass(frozen=True)
class TrainingHosts:
    """Lays out the hosts of one request under its job's folder."""

    backend: Backend
    request: TrainingRequest
    arn: str
    folders: tuple[HostFolder, ...]
    actor: Actor

    def lay_out(self, cores: int) -> list[HostCommand]:
        """Folders, data and code of every host; the commands to run. Raises JobFailure."""
        contents = {
            c.name: find_content(self.backend.objects, c.source) for c in self.request.channels
        }
        port = free_port()
        commands = []
        for rank, host in enumerate(self.folders):
            self._make_folders(host)
            for channel in self._channels_of(host):
                index, count = self._place_among(channel, host)
                content = contents[channel.name].share(index, count, channel.source)
                place(content, host.data / channel.name, channel.source.gunzip)
            commands.append(self._command(host, rank, port, cores))
        return commands

    def _make_folders(self, host: HostFolder) -> None:
        for folder in (host.config, host.data, host.model, host.output_data, host.code):
            folder.mkdir(parents=True, exist_ok=True)
        host.checkpoints.mkdir(exist_ok=True)
        write_hosts_file(host, self.request.hosts)

    def _channels_of(self, host: HostFolder) -> list[Channel]:
        mine = next(n for n, (_, hosts) in self.request.groups.items() if host.host in hosts)
        return [c for c in self.request.channels if not c.groups or mine in c.groups]

    def _place_among(self, channel: Channel, host: HostFolder) -> tuple[int, int]:
        sharing = [
            name
            for group, (_, hosts) in self.request.groups.items()
            for name in hosts
            if not channel.groups or group in channel.groups
        ]
        return sharing.index(host.host), len(sharing)

    def _command(self, host: HostFolder, rank: int, port: int, cores: int) -> HostCommand:
        resources = resource_config(host.host, self.request.groups, network_interface())
        channels = {channel.name: channel.config for channel in self._channels_of(host)}
        write_json(host.config / "resourceconfig.json", resources)
        write_json(host.config / "inputdataconfig.json", channels)
        write_json(
            host.config / "hyperparameters.json", self.request.raw.get("HyperParameters", {})
        )
        gpus = host_gpus(resources["current_instance_type"], len(self.folders))
        variables = training_variables(
            host,
            self.request.parameters,
            resources,
            channels,
            Machine(cores, gpus),
            self.request.name,
        )
        environment = {**self._environment(host, rank, port, cores), **variables}
        return HostCommand(
            host=host.host,
            command=[host.localise(word) for word in self._words(host, rank, port, gpus)],
            environment={name: host.localise(value) for name, value in environment.items()},
            folder=host.code,
            root=host.root,
            hosts_file=host.hosts_file,
        )

    def _words(self, host: HostFolder, rank: int, port: int, gpus: int) -> list[str]:
        parameters = self.request.parameters
        if parameters.submit_directory:
            uri = host.localise(parameters.submit_directory)
            unpack_submit_directory(self.backend.objects, uri, host.code)
        if self.request.container_command:
            return self.request.container_command
        if not parameters.program:
            raise client_error(_no_command(self.request.algorithm))
        check_requirements(host.code)
        words = entry_command(parameters.program, parameters.arguments(), host.code)
        if not parameters.framework.get("sagemaker_torch_distributed_enabled"):
            return words
        return torch_distributed_command(words, len(self.folders), rank, max(1, gpus), port)

    def _environment(self, host: HostFolder, rank: int, port: int, cores: int) -> dict[str, str]:
        instance_type = self.request.instance_type
        checkpoints = self.request.raw.get("CheckpointConfig")
        local_path = (checkpoints or {}).get("LocalPath", "/opt/ml/checkpoints")
        return {
            **base_environment(cores),
            **gpu_variables(instance_type, len(self.folders), rank),
            **self.backend.credentials.environment_of(self.actor.caller),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "BREEDLINE_FEATURE_CACHE": str(feature_cache(self.backend.folder)),
            "PYTHONPATH": str(host.code),
            **({"SM_CHECKPOINT_DIR": local_path} if checkpoints else {}),
            **self.request.raw.get("Environment", {}),
            **self._identity(host),
        }

    def _identity(self, host: HostFolder) -> dict[str, str]:
        region = str(self.request.parameters.toolkit.get("sagemaker_region", self.backend.region))
        job_name = self.request.parameters.toolkit.get("sagemaker_job_name", "")
        return {
            "TRAINING_JOB_NAME": self.request.name,
            "TRAINING_JOB_ARN": self.arn,
            "CURRENT_HOST": host.host,
            "SAGEMAKER_REGION": region,
            "SAGEMAKER_JOB_NAME": str(job_name),
            "SAGEMAKER_BASE_DIR": str(host.root),
        }


def _no_command(algorithm: dict[str, Any]) -> str:
    image = algorithm.get("TrainingImage") or algorithm.get("AlgorithmName") or "the algorithm"
    return (
        f"{image} cannot be run: the embedded AWS pulls no images. It runs script mode (the "
        "hyperparameters sagemaker_program and sagemaker_submit_directory, as the SDK's framework "
        "estimators send them) and AlgorithmSpecification.ContainerEntrypoint."
    )
