"""The production variants of an endpoint configuration as values, and how they are described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

STARTUP_SECONDS = 600  # SageMaker's own patience where a configuration says nothing
RANDOM = "RANDOM"


@dataclass(frozen=True)
class Variant:
    """One production variant: a model on `count` instances, or serverless.

    `weight` is its share of the requests, beside the other variants' weights; times in seconds.
    """

    name: str
    model: str
    weight: float = 1.0
    instance_type: str = ""
    count: int = 0
    routing: str = RANDOM
    startup_seconds: float = STARTUP_SECONDS
    download_seconds: float = STARTUP_SECONDS
    max_concurrency: int = 0  # of a serverless variant
    memory_mb: int = 0

    @property
    def is_serverless(self) -> bool:
        return self.max_concurrency > 0

    def with_count(self, count: int) -> Variant:
        return replace(self, count=count)

    def with_weight(self, weight: float) -> Variant:
        return replace(self, weight=weight)


def read_variants(config: Mapping[str, Any]) -> tuple[Variant, ...]:
    """The variants of an endpoint configuration, in its order."""
    return tuple(_read(given) for given in config["ProductionVariants"])


def _read(given: Mapping[str, Any]) -> Variant:
    serverless = given.get("ServerlessConfig") or {}
    return Variant(
        name=given["VariantName"],
        model=given["ModelName"],
        weight=float(given.get("InitialVariantWeight", 1.0)),
        instance_type=given.get("InstanceType", ""),
        count=int(given.get("InitialInstanceCount", 0)),
        routing=(given.get("RoutingConfig") or {}).get("RoutingStrategy", RANDOM),
        startup_seconds=given.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_SECONDS),
        download_seconds=given.get("ModelDataDownloadTimeoutInSeconds", STARTUP_SECONDS),
        max_concurrency=int(serverless.get("MaxConcurrency", 0)),
        memory_mb=int(serverless.get("MemorySizeInMB", 0)),
    )


def describe_variant(variant: Variant, current: int, weight: float) -> dict[str, Any]:
    """A variant as DescribeEndpoint shows it: what is wanted beside what is there."""
    shown: dict[str, Any] = {
        "VariantName": variant.name,
        "CurrentWeight": weight,
        "DesiredWeight": variant.weight,
    }
    if not variant.is_serverless:
        counts = {"CurrentInstanceCount": current, "DesiredInstanceCount": variant.count}
        return shown | counts
    size = {"MemorySizeInMB": variant.memory_mb, "MaxConcurrency": variant.max_concurrency}
    return shown | {"CurrentServerlessConfig": size, "DesiredServerlessConfig": size}
