"""Whether Application Auto Scaling holds a variant: then its instance type must not change."""

from __future__ import annotations

from moto.applicationautoscaling.models import applicationautoscaling_backends

DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def is_scaled(account: str, region: str, endpoint: str, variant: str) -> bool:
    """A scalable target is registered for the variant."""
    backend = applicationautoscaling_backends[account][region]
    resource = f"endpoint/{endpoint}/variant/{variant}"
    return bool(backend.describe_scalable_targets("sagemaker", [resource], DIMENSION))
