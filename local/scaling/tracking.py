"""Target tracking: the metric that a policy follows, and the two alarms that AWS makes for it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.scaling.pace import Pace
from local.scaling.records import Policy, Target

INVOCATIONS = "SageMakerVariantInvocationsPerInstance"
HIGH_PERIODS, LOW_PERIODS = 3, 15
LOW_SHARE = 0.9  # of the target: below it the alarm for scaling in counts
DESCRIPTION = "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {}."


@dataclass(frozen=True)
class Metric:
    """What CloudWatch calls the metric."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    unit: str | None = None


def metric_of(target: Target, configuration: Mapping[str, Any]) -> Metric:
    """The metric of a target tracking configuration."""
    given = configuration.get("CustomizedMetricSpecification")
    if given is None:
        dimensions = (("EndpointName", target.endpoint), ("VariantName", target.variant))
        return Metric("AWS/SageMaker", "InvocationsPerInstance", dimensions, "Sum")
    return Metric(
        namespace=given["Namespace"],
        name=given["MetricName"],
        dimensions=tuple((d["Name"], d["Value"]) for d in given.get("Dimensions", [])),
        statistic=given["Statistic"],
        unit=given.get("Unit"),
    )


def put_alarms(cloudwatch: Any, target: Target, policy: Policy, pace: Pace) -> None:
    """Make or change the policy's alarms; an alarm that stays keeps its state.

    Their names come from the policy's ARN: a policy that is put again has no more of them.
    """
    metric = metric_of(target, policy.configuration)
    threshold = pace.threshold(float(policy.configuration["TargetValue"]), metric.statistic)
    policy.high = _name(target, policy, "AlarmHigh")
    high = ("GreaterThanThreshold", HIGH_PERIODS, threshold)
    _put(cloudwatch, policy, policy.high, metric, high, pace)
    low = _name(target, policy, "AlarmLow")
    if policy.scales_in:
        policy.low = low
        below = ("LessThanThreshold", LOW_PERIODS, threshold * LOW_SHARE)
        _put(cloudwatch, policy, low, metric, below, pace)
    else:
        policy.low = ""
        cloudwatch.delete_alarms([low])


def _put(
    cloudwatch: Any,
    policy: Policy,
    name: str,
    metric: Metric,
    raised: tuple[str, int, float],
    pace: Pace,
) -> None:
    comparison, periods, threshold = raised
    cloudwatch.put_metric_alarm(
        name=name,
        namespace=metric.namespace,
        metric_name=metric.name,
        dimensions=[{"Name": key, "Value": value} for key, value in metric.dimensions],
        statistic=metric.statistic,
        unit=metric.unit,
        comparison_operator=comparison,
        threshold=threshold,
        evaluation_periods=periods,
        period=pace.period,
        description=DESCRIPTION.format(policy.arn),
        alarm_actions=[policy.arn],
    )


def _name(target: Target, policy: Policy, which: str) -> str:
    unique = uuid.uuid5(uuid.NAMESPACE_URL, f"{policy.arn} {which}")
    return f"TargetTracking-{target.resource}-{which}-{unique}"
