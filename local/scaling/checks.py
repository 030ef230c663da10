"""What is refused of a scaling policy when it is put, each with one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from local.errors import validation_error
from local.scaling.records import STEPS, TRACKING, Target
from local.scaling.tracking import INVOCATIONS, metric_of

CONFIGURED = {TRACKING: f"{TRACKING}PolicyConfiguration", STEPS: f"{STEPS}PolicyConfiguration"}
NEEDED = ("MetricName", "Namespace", "Statistic")


def check_policy(target: Target, request: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The kind and the configuration of a policy; raises a ValidationException."""
    kind = request.get("PolicyType", STEPS)
    if kind not in CONFIGURED:
        raise validation_error(
            f"The embedded AWS has no policies of the type {kind}; use {TRACKING} or {STEPS}."
        )
    if CONFIGURED[kind] not in request:
        raise validation_error(f"A policy of the type {kind} needs {CONFIGURED[kind]}.")
    configuration: dict[str, Any] = request[CONFIGURED[kind]]
    earlier = target.policies.get(request["PolicyName"])
    if earlier is not None and earlier.kind != kind:
        raise validation_error(
            f"The policy {earlier.name} is of the type {earlier.kind}, which cannot be changed to "
            f"{kind}; delete it first."
        )
    if kind == STEPS:
        _check_steps(configuration)
    else:
        _check_tracking(target, request["PolicyName"], configuration)
    return kind, configuration


def _check_tracking(target: Target, name: str, configuration: Mapping[str, Any]) -> None:
    value = configuration["TargetValue"]
    if not value > 0:
        raise validation_error(f"TargetValue is {value}; it must be greater than 0.")
    for cooldown in ("ScaleOutCooldown", "ScaleInCooldown"):
        _check_not_negative(configuration, cooldown)
    predefined = configuration.get("PredefinedMetricSpecification")
    customized = configuration.get("CustomizedMetricSpecification")
    if (predefined is None) == (customized is None):
        raise validation_error(
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must "
            "be given."
        )
    if predefined is not None and predefined["PredefinedMetricType"] != INVOCATIONS:
        raise validation_error(
            f"The embedded AWS does not measure {predefined['PredefinedMetricType']}; use "
            f"{INVOCATIONS} or a CustomizedMetricSpecification."
        )
    if customized is not None:
        _check_customized(customized)
    for other in target.policies.values():
        same = other.kind == TRACKING and metric_of(target, other.configuration)
        if other.name != name and same == metric_of(target, configuration):
            raise validation_error(
                f"Only one {TRACKING} policy for a given metric specification is allowed; "
                f"{other.name} has this one."
            )


def _check_customized(metric: Mapping[str, Any]) -> None:
    if "Metrics" in metric:
        raise validation_error("The embedded AWS does not scale on metric math; name one metric.")
    if lacking := [field for field in NEEDED if field not in metric]:
        raise validation_error(f"CustomizedMetricSpecification lacks {', '.join(lacking)}.")


def _check_steps(configuration: Mapping[str, Any]) -> None:
    if "AdjustmentType" not in configuration:
        raise validation_error(
            "A step scaling policy needs AdjustmentType: ChangeInCapacity, "
            "PercentChangeInCapacity or ExactCapacity."
        )
    for field in ("Cooldown", "MinAdjustmentMagnitude"):
        _check_not_negative(configuration, field)
    steps = configuration.get("StepAdjustments", [])
    if not steps:
        raise validation_error("A step scaling policy needs at least one of StepAdjustments.")
    intervals = sorted(interval(step) for step in steps)
    for lower, upper in intervals:
        if not lower < upper:
            raise validation_error(f"The step from {lower} to {upper} is no interval.")
    for (_, upper), (lower, _) in zip(intervals, intervals[1:], strict=False):
        if upper != lower:
            raise validation_error(
                f"StepAdjustments must follow each other without gap or overlap; one ends at "
                f"{upper}, the next begins at {lower}."
            )


def interval(step: Mapping[str, Any]) -> tuple[float, float]:
    """The bounds of a step, in distance from the alarm's threshold."""
    lower, upper = step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound")
    return -math.inf if lower is None else lower, math.inf if upper is None else upper


def _check_not_negative(configuration: Mapping[str, Any], field: str) -> None:
    if configuration.get(field, 0) < 0:
        raise validation_error(f"{field} is {configuration[field]}; it must be 0 or more.")
