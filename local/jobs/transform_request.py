"""A CreateTransformJob request: its meaning checked at once, its parts read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local.errors import validation_error
from local.jobs.channels import Source, source_from
from local.jobs.layout import host_names
from local.model_container import Call, described_container, model_role

WHOLE = "$"  # the filter that changes nothing


@dataclass(frozen=True)
class TransformRequest:
    """What a transform job runs, the container of its model, and the model's role."""

    raw: dict[str, Any]
    source: Source
    container: dict[str, Any]
    role: str = ""

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
    model = raw["ModelName"]
    return TransformRequest(raw, source, described_container(model, call), model_role(model, call))


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
