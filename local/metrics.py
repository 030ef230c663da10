"""CloudWatch metrics of jobs and endpoints, written into moto's CloudWatch."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from moto.cloudwatch.models import MetricAggregatedDatum, cloudwatch_backends

NEAR = math.log(1.02)  # of values that need not be told apart


class Metrics:
    """Puts data points where GetMetricData and GetMetricStatistics find them."""

    def __init__(self, account: str, region: str) -> None:
        self._backend: Any = cloudwatch_backends[account][region]
        self._compacting = threading.Lock()

    def put(
        self,
        namespace: str,
        name: str,
        value: float,
        dimensions: Mapping[str, str],
        timestamp: float,
        unit: str = "None",
    ) -> None:
        """One data point; `timestamp` in seconds since the epoch."""
        self._put(namespace, name, {"Value": value}, dimensions, timestamp, unit)

    def put_statistics(
        self,
        namespace: str,
        name: str,
        values: Sequence[float],
        dimensions: Mapping[str, str],
        timestamp: float,
        unit: str = "None",
    ) -> None:
        """Several values as one statistic set: their number, sum, least and most remain."""
        statistics = {
            "SampleCount": len(values),
            "Sum": sum(values),
            "Minimum": min(values),
            "Maximum": max(values),
        }
        told = {"StatisticValues": statistics}
        self._put(namespace, name, told, dimensions, timestamp, unit)

    def compact(self, namespace: str, before: float) -> None:
        """Keep what is older than `before` (seconds since the epoch) by the minute only.

        moto forgets nothing. Single values, which tell percentiles, stay apart from each other
        unless they are within two percent; the rest becomes one statistic set a minute.
        """
        with self._compacting:
            self._compact(namespace, before)

    def _compact(self, namespace: str, before: float) -> None:
        points: list[Any] = self._backend.metric_data
        count = len(points)
        limit = datetime.fromtimestamp(before, tz=timezone.utc).replace(tzinfo=None)
        kept: list[Any] = []
        merged: dict[Any, Any] = {}
        for point in points[:count]:
            if point.namespace != namespace or point.timestamp >= limit:
                kept.append(point)
                continue
            whole = _aggregated(point)
            found = merged.setdefault(_minute_key(whole), whole)
            if found is not whole:
                _merge(found, whole)
        if len(merged) + len(kept) < count / 2:  # alarms notice a list that shrinks
            points[:count] = [*merged.values(), *kept]

    def _put(
        self,
        namespace: str,
        name: str,
        told: Mapping[str, Any],
        dimensions: Mapping[str, str],
        timestamp: float,
        unit: str,
    ) -> None:
        point = {
            "MetricName": name,
            **told,
            "Unit": unit,
            # moto compares it with times that carry no zone.
            "Timestamp": datetime.fromtimestamp(timestamp, tz=timezone.utc).replace(tzinfo=None),
            "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions.items()],
        }
        self._backend.put_metric_data(namespace, [point])


def _aggregated(point: Any) -> Any:
    """moto's data point as a statistic set at the beginning of its minute."""
    single = hasattr(point, "value")
    whole = MetricAggregatedDatum(
        namespace=point.namespace,
        name=point.name,
        min_stat=point.value if single else point.min,
        max_stat=point.value if single else point.max,
        sample_count=1.0 if single else point.sample_count,
        sum_stat=point.value if single else point.sum,
        dimensions=[],
        timestamp=point.timestamp.replace(second=0, microsecond=0),
        unit=point.unit,
    )
    whole.dimensions = point.dimensions
    return whole


def _minute_key(point: Any) -> tuple[Any, ...]:
    """Points with the same key become one."""
    dimensions = frozenset((each.name, each.value) for each in point.dimensions)
    near = round(math.log(max(abs(point.min), 1e-9)) / NEAR) if point.min == point.max else None
    return (point.name, dimensions, point.unit, point.timestamp, near, point.min < 0)


def _merge(into: Any, point: Any) -> None:
    same = into.min == into.max and point.min == point.max
    into.sample_count += point.sample_count
    into.sum += point.sum
    into.min, into.max = min(into.min, point.min), max(into.max, point.max)
    if same:  # stays a value with a weight, which percentiles can be told from
        into.min = into.max = into.sum / into.sample_count
