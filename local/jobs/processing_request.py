"""A CreateProcessingJob request: its meaning checked at once, its parts read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local.errors import validation_error
from local.jobs.channels import Source
from local.jobs.layout import BASE, host_names


@dataclass(frozen=True)
class ProcessingInput:
    """One input that is downloaded: where from, and its container path."""

    name: str
    source: Source
    path: str


@dataclass(frozen=True)
class ProcessingOutput:
    """One output that is uploaded: its container path, and where to."""

    name: str
    uri: str
    path: str
    continuous: bool


@dataclass(frozen=True)
class ProcessingRequest:
    """What a processing job runs."""

    raw: dict[str, Any]
    inputs: tuple[ProcessingInput, ...]
    outputs: tuple[ProcessingOutput, ...]

    @property
    def name(self) -> str:
        return str(self.raw["ProcessingJobName"])

    @property
    def instance_type(self) -> str:
        return str(self.raw["ProcessingResources"]["ClusterConfig"]["InstanceType"])

    @property
    def hosts(self) -> list[str]:
        return host_names(int(self.raw["ProcessingResources"]["ClusterConfig"]["InstanceCount"]))

    @property
    def command(self) -> list[str]:
        application = self.raw["AppSpecification"]
        entrypoint = application.get("ContainerEntrypoint", ())
        return [*entrypoint, *application.get("ContainerArguments", ())] if entrypoint else []


def read_processing_request(raw: dict[str, Any]) -> ProcessingRequest:
    """Check what cannot run here; raises ValidationException with one sentence."""
    if "ClusterConfig" not in raw["ProcessingResources"]:
        raise validation_error("ProcessingResources needs a ClusterConfig.")
    inputs = [_read_input(i) for i in raw.get("ProcessingInputs", ()) if not i.get("AppManaged")]
    asked = raw.get("ProcessingOutputConfig", {}).get("Outputs", ())
    outputs = [_read_output(o) for o in asked if not o.get("AppManaged")]
    return ProcessingRequest(raw, tuple(inputs), tuple(outputs))


def _read_input(raw: dict[str, Any]) -> ProcessingInput:
    name = raw["InputName"]
    if "S3Input" not in raw:
        raise validation_error(
            f"Input '{name}' is no S3Input: the embedded AWS reads from S3 only, not through a "
            "DatasetDefinition (Athena, Redshift)."
        )
    s3 = raw["S3Input"]
    if s3.get("S3InputMode", "File") != "File":
        raise validation_error(
            f"Input '{name}' asks for S3InputMode {s3['S3InputMode']}; the embedded AWS has File."
        )
    source = Source(
        uri=s3["S3Uri"],
        data_type=s3["S3DataType"],
        distribution=s3.get("S3DataDistributionType", "FullyReplicated"),
        gunzip=s3.get("S3CompressionType", "None") == "Gzip",
    )
    return ProcessingInput(name, source, _inside(f"Input '{name}'", s3.get("LocalPath")))


def _read_output(raw: dict[str, Any]) -> ProcessingOutput:
    name = raw["OutputName"]
    if "S3Output" not in raw:
        raise validation_error(
            f"Output '{name}' is no S3Output; the embedded AWS writes to S3 only."
        )
    s3 = raw["S3Output"]
    path = _inside(f"Output '{name}'", s3.get("LocalPath"))
    return ProcessingOutput(name, s3["S3Uri"], path, s3["S3UploadMode"] == "Continuous")


def _inside(what: str, path: str | None) -> str:
    if path is None or not f"{path}/".startswith(f"{BASE}/") or ".." in path.split("/"):
        raise validation_error(
            f"{what} has LocalPath {path}; without a container it must be under {BASE}, such as "
            f"{BASE}/processing/input."
        )
    return path
