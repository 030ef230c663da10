"""No traffic is told as zero: that is how SageMaker lets an idle variant scale in.

AWS documents that a variant without traffic has metrics with the value zero. Added to a sum, a
zero changes nothing, so data that come late do no harm.
"""

from __future__ import annotations

from local.alarms.data import series_of
from local.metrics import Metrics
from local.scaling.pace import Pace
from local.scaling.readings import Readings, last_period
from local.scaling.records import TRACKING, Target
from local.scaling.tracking import metric_of


def tell_silence(
    target: Target, readings: Readings, metrics: Metrics, pace: Pace, now: float
) -> None:
    """Put a zero where the last whole period has no invocation, if a policy tracks them."""
    for policy in target.policies.values():
        if policy.kind == TRACKING and "PredefinedMetricSpecification" in policy.configuration:
            metric = metric_of(target, policy.configuration)
            dimensions = dict(metric.dimensions)
            start = last_period(now, pace.period)
            series = series_of(metric.namespace, metric.name, dimensions)
            if readings.is_silent(series, start, pace.period):
                metrics.put(metric.namespace, metric.name, 0.0, dimensions, float(start))
