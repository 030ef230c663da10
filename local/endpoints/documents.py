"""An endpoint's document: what DescribeEndpoint says, and what a restart has to know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from local.endpoints.traffic import Traffic
from local.endpoints.variants import Variant, describe_variant, read_variants
from local.listing import Listing
from local.store import Document

KIND = "Endpoint"
CONFIG_KIND = "EndpointConfig"
EVENT = "SageMaker Endpoint State Change"
IN_SERVICE, FAILED = "InService", "Failed"
CREATING, UPDATING, DELETING = "Creating", "Updating", "Deleting"
ENDPOINTS = Listing(
    answer="Endpoints",
    name="EndpointName",
    summary=(
        *("EndpointName", "EndpointArn", "CreationTime"),
        *("LastModifiedTime", "EndpointStatus"),
    ),
    status="EndpointStatus",
)


def new_document(name: str, arn: str, config: Document, now: float) -> Document:
    """The document of an endpoint that is about to be created."""
    document = {
        "EndpointName": name,
        "EndpointArn": arn,
        "EndpointStatus": CREATING,
        "CreationTime": now,
        "LastModifiedTime": now,
    }
    adopting(config, read_variants(config))(document)
    return document


def adopting(config: Document, variants: Iterable[Variant]) -> Callable[[Document], None]:
    """The change that makes a document that of a configuration.

    It keeps the configuration itself, which may be deleted while the endpoint serves.
    """

    def change(document: Document) -> None:
        for key in ("DataCaptureConfig", "AsyncInferenceConfig"):
            document.pop(key, None)
        document.update(configured(config), _config=config, _wanted=wanted(variants))

    return change


def configured(config: Document) -> Document:
    """What an endpoint shows of its configuration."""
    shown: Document = {"EndpointConfigName": config["EndpointConfigName"]}
    if capture := config.get("DataCaptureConfig"):
        shown["DataCaptureConfig"] = describe_capture(capture)
    if asynchronous := config.get("AsyncInferenceConfig"):
        shown["AsyncInferenceConfig"] = asynchronous
    return shown


def describe_capture(config: Document) -> Document:
    """A DataCaptureConfig as DescribeEndpoint sums it up."""
    enabled = config.get("EnableCapture", False)
    shown = {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
    }
    return shown | {"KmsKeyId": config.get("KmsKeyId", "")}


def wanted(variants: Iterable[Variant]) -> list[Document]:
    """The counts and weights that were asked for, which may differ from the configuration's."""
    return [{"name": v.name, "count": v.count, "weight": v.weight} for v in variants]


def with_wanted(variants: Sequence[Variant], kept: Iterable[Document]) -> tuple[Variant, ...]:
    """Variants with the counts and weights of those of the same name in `kept`."""
    by_name = {one["name"]: one for one in kept}
    return tuple(
        variant.with_count(by_name[variant.name]["count"]).with_weight(
            by_name[variant.name]["weight"]
        )
        if variant.name in by_name and not variant.is_serverless
        else variant
        for variant in variants
    )


def describe_traffic(traffic: Traffic) -> list[dict[str, Any]]:
    """ProductionVariants: what serves now."""
    generation = traffic.serving
    return [
        describe_variant(variant, generation.fleets[variant.name].size, variant.weight)
        for variant in generation.variants
    ]


def describe_pending(traffic: Traffic, started: float) -> dict[str, Any] | None:
    """PendingDeploymentSummary: what is about to take over."""
    generation = traffic.next
    if generation is None:
        return None
    shown = [
        describe_variant(v, generation.fleets[v.name].size, v.weight * traffic.share)
        for v in generation.variants
    ]
    return {
        "EndpointConfigName": generation.config,
        "ProductionVariants": shown,
        "StartTime": started,
    }
