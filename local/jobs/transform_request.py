"""A CreateTransformJob request: its meaning checked at once, its parts read once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.errors import validation_error
from local.jobs.channels import Source, source_from
from local.jobs.layout import host_names

Call = Callable[[str, dict[str, Any]], dict[str, Any]]
WHOLE = "$"  # the filter that changes nothing


@dataclass(frozen=True)
class TransformRequest:
    """What a transform job runs, and the container of its model."""

    raw: dict[str, Any]
    source: Source
    container: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.raw["TransformJobName"])

    @property
    def instance_type(self) -> str:
        return str(self.raw["TransformResources"]["InstanceType"])

    @property
    def hosts(self) -> list[str]:
        return host_names(int(self.raw["TransformResources"]["InstanceCount"]))

    @property
    def environment(self) -> dict[str, str]:
        return {**self.container.get("Environment", {}), **self.raw.get("Environment", {})}

    def options(self) -> dict[str, Any]:
        """What the worker must know of the request."""
        given, wanted = self.raw["TransformInput"], self.raw["TransformOutput"]
        return {
            "content_type": given.get("ContentType", "application/json"),
            "accept": wanted.get("Accept", "application/json"),
            "split": given.get("SplitType", "None"),
            "assemble": wanted.get("AssembleWith", "None"),
            "strategy": self.raw.get("BatchStrategy", "MultiRecord"),
            "max_bytes": int(self.raw.get("MaxPayloadInMB", 6)) * 1024 * 1024,
        }


def read_transform_request(raw: dict[str, Any], call: Call) -> TransformRequest:
    """Check what cannot run here and find the model; raises ApiError with one sentence."""
    _check_supported(raw)
    data = raw["TransformInput"]["DataSource"]["S3DataSource"]
    gunzip = raw["TransformInput"].get("CompressionType", "None") == "Gzip"
    source = source_from({**data, "S3DataDistributionType": "ShardedByS3Key"}, gunzip)
    return TransformRequest(raw, source, _container(raw["ModelName"], call))


def _check_supported(raw: dict[str, Any]) -> None:
    split = raw["TransformInput"].get("SplitType", "None")
    processing = raw.get("DataProcessing", {})
    filters = {processing.get("InputFilter", WHOLE), processing.get("OutputFilter", WHOLE)}
    if split not in ("None", "Line"):
        raise validation_error(f"SplitType {split} is not done here; use None or Line.")
    if filters != {WHOLE} or processing.get("JoinSource", "None") != "None":
        raise validation_error(
            "DataProcessing is not done here: leave out its filters and JoinSource."
        )
    if raw["TransformInput"]["DataSource"]["S3DataSource"]["S3DataType"] not in (
        "S3Prefix",
        "ManifestFile",
    ):
        raise validation_error("A transform job reads an S3Prefix or a ManifestFile.")


def _container(model: str, call: Call) -> dict[str, Any]:
    described = call("DescribeModel", {"ModelName": model})
    containers = described.get("Containers") or [described.get("PrimaryContainer", {})]
    if len(containers) > 1:
        raise validation_error(
            f"Model '{model}' has {len(containers)} containers in a row; the embedded AWS runs one."
        )
    return _with_package(dict(containers[0]), call)


def _with_package(container: dict[str, Any], call: Call) -> dict[str, Any]:
    """A container that names a model package, completed with the package's own container."""
    if "ModelPackageName" not in container:
        return container
    package = call("DescribeModelPackage", {"ModelPackageName": container["ModelPackageName"]})
    own = dict(package["InferenceSpecification"]["Containers"][0])
    environment = {**own.get("Environment", {}), **container.get("Environment", {})}
    return {**own, "Environment": environment}


def model_data(container: dict[str, Any]) -> str:
    """The S3 URI of the container's model data, or ""."""
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    return str(container.get("ModelDataUrl") or source.get("S3Uri") or "")
