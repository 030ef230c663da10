"""The variants of endpoints, as SageMaker's own API tells of them and changes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local.errors import ApiError
from local.sagemaker import Call

IN_SERVICE, FAILED = "InService", "Failed"
MISSING = "Could not find"  # how SageMaker begins to say so; its code is that of any wrong request


@dataclass(frozen=True)
class Variant:
    """A variant at this moment; without counts while its endpoint does not tell them."""

    status: str
    desired: int | None
    current: int | None
    reason: str = ""


class Variants:
    """Asks and changes through `call`; raises its ApiError."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def endpoint(self, name: str) -> dict[str, Any] | None:
        """What DescribeEndpoint answers; None when there is no such endpoint."""
        try:
            return self._call("DescribeEndpoint", {"EndpointName": name})
        except ApiError as error:
            if error.message.startswith(MISSING):
                return None
            raise

    def set_count(self, endpoint: str, variant: str, count: int) -> None:
        wanted = [{"VariantName": variant, "DesiredInstanceCount": count}]
        request = {"EndpointName": endpoint, "DesiredWeightsAndCapacities": wanted}
        self._call("UpdateEndpointWeightsAndCapacities", request)


def variant_of(endpoint: dict[str, Any], name: str) -> Variant | None:
    """The variant of a described endpoint; None when it has no such variant with instances."""
    status, told = endpoint["EndpointStatus"], endpoint.get("ProductionVariants")
    reason = endpoint.get("FailureReason", "")
    if told is None:  # an endpoint that is being created
        return Variant(status, None, None, reason)
    for variant in told:
        if variant["VariantName"] == name and "DesiredInstanceCount" in variant:
            desired = variant["DesiredInstanceCount"]
            return Variant(status, desired, variant.get("CurrentInstanceCount", desired), reason)
    return None


def is_asynchronous(endpoint: dict[str, Any]) -> bool:
    """Whether it answers from a queue, which can wait while there is no instance."""
    return bool(endpoint.get("AsyncInferenceConfig"))
