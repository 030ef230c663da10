"""CloudWatch metrics of jobs, written into moto's CloudWatch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends


class Metrics:
    """Puts data points where GetMetricData and GetMetricStatistics find them."""

    def __init__(self, account: str, region: str) -> None:
        self._backend: Any = cloudwatch_backends[account][region]

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
