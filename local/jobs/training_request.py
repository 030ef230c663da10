"""A CreateTrainingJob request: its meaning checked at once, its parts read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local.errors import validation_error
from local.jobs.channels import Source, source_from
from local.jobs.layout import host_names
from local.jobs.script_mode import HyperParameters, read_hyperparameters

UNSUPPORTED_DISTRIBUTIONS = {
    "sagemaker_mpi_enabled": "MPI",
    "sagemaker_parameter_server_enabled": "a parameter server",
    "sagemaker_distributed_dataparallel_enabled": "SageMaker's data parallel library",
    "sagemaker_pytorch_xla_multi_worker_enabled": "XLA",
    "sagemaker_multi_worker_mirrored_strategy_enabled": "TensorFlow's mirrored strategy",
}


@dataclass(frozen=True)
class Channel:
    """One input channel: `config` is its entry of inputdataconfig.json."""

    name: str
    source: Source
    config: dict[str, str]
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainingRequest:
    """What a training job runs; `groups` maps instance groups to (instance type, hosts)."""

    raw: dict[str, Any]
    parameters: HyperParameters
    channels: tuple[Channel, ...]
    groups: dict[str, tuple[str, list[str]]]

    @property
    def name(self) -> str:
        return str(self.raw["TrainingJobName"])

    @property
    def hosts(self) -> list[str]:
        return [host for _, hosts in self.groups.values() for host in hosts]

    @property
    def instance_type(self) -> str:
        return next(iter(self.groups.values()))[0]

    @property
    def algorithm(self) -> dict[str, Any]:
        return dict(self.raw["AlgorithmSpecification"])

    @property
    def container_command(self) -> list[str]:
        """ContainerEntrypoint and ContainerArguments, or nothing: then it is script mode."""
        entrypoint = list(self.algorithm.get("ContainerEntrypoint", ()))
        return [*entrypoint, *self.algorithm.get("ContainerArguments", ())] if entrypoint else []


def read_training_request(raw: dict[str, Any]) -> TrainingRequest:
    """Check what cannot run here; raises ValidationException with one sentence."""
    if "AlgorithmSpecification" not in raw:
        raise validation_error("AlgorithmSpecification is missing: it names the image to run.")
    parameters = read_hyperparameters(raw.get("HyperParameters", {}))
    for name, words in UNSUPPORTED_DISTRIBUTIONS.items():
        if parameters.framework.get(name):
            raise validation_error(
                f"{name}: the embedded AWS does not run {words}; use torch_distributed, or form "
                "the process group in the script from SM_HOSTS."
            )
    _check_times(raw)
    mode = raw["AlgorithmSpecification"].get("TrainingInputMode", "File")
    channels = tuple(_read_channel(c, mode) for c in raw.get("InputDataConfig", ()))
    return TrainingRequest(raw, parameters, channels, _read_groups(raw.get("ResourceConfig", {})))


def _check_times(raw: dict[str, Any]) -> None:
    """SageMaker's own rules for managed spot training."""
    condition = raw.get("StoppingCondition", {})
    wait, spot = condition.get("MaxWaitTimeInSeconds"), raw.get("EnableManagedSpotTraining", False)
    if wait is not None and not spot:
        raise validation_error(
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is "
            "set to true."
        )
    if spot and (wait is None or wait < condition.get("MaxRuntimeInSeconds", 0)):
        raise validation_error(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
            "MaxRuntimeInSeconds."
        )


def _read_groups(resources: dict[str, Any]) -> dict[str, tuple[str, list[str]]]:
    asked = resources.get("InstanceGroups") or [
        {"InstanceGroupName": "homogeneousCluster", **resources}
    ]
    if any("InstanceType" not in group for group in asked):
        raise validation_error("ResourceConfig needs an InstanceType and an InstanceCount.")
    counts = [int(group.get("InstanceCount", 1)) for group in asked]
    names = host_names(sum(counts))
    groups = {}
    for group, count in zip(asked, counts, strict=True):
        groups[group["InstanceGroupName"]] = (group["InstanceType"], names[:count])
        names = names[count:]
    return groups


def _read_channel(raw: dict[str, Any], mode: str) -> Channel:
    name = raw["ChannelName"]
    mode = raw.get("InputMode", mode)
    if mode == "Pipe":
        raise validation_error(
            f"Channel '{name}' asks for InputMode Pipe, which the embedded AWS does not have; "
            "use File or FastFile."
        )
    if raw.get("RecordWrapperType", "None") != "None":
        raise validation_error(
            f"Channel '{name}' asks for RecordWrapperType {raw['RecordWrapperType']}, which "
            "belongs to Pipe mode; leave it out."
        )
    if "S3DataSource" not in raw["DataSource"]:
        kind = next(iter(raw["DataSource"]), "no data source")
        raise validation_error(
            f"Channel '{name}' reads from {kind}; the embedded AWS reads from S3 only: use an "
            "S3DataSource."
        )
    return _s3_channel(name, raw, mode)


def _s3_channel(name: str, raw: dict[str, Any], mode: str) -> Channel:
    data = raw["DataSource"]["S3DataSource"]
    if data["S3DataType"] == "AugmentedManifestFile" and not data.get("AttributeNames"):
        raise validation_error(
            f"Channel '{name}' reads an AugmentedManifestFile and needs AttributeNames."
        )
    gunzip = raw.get("CompressionType", "None") == "Gzip"
    seed = raw.get("ShuffleConfig", {}).get("Seed")
    source = source_from(data, gunzip, seed)
    config = {
        "TrainingInputMode": mode,
        "S3DistributionType": source.distribution,
        "RecordWrapperType": "None",
    }
    if "ContentType" in raw:
        config["ContentType"] = raw["ContentType"]
    return Channel(name, source, config, tuple(data.get("InstanceGroupNames", ())))
