"""The metric data that alarms look at: what moto holds, in buckets of ten seconds.

moto keeps one long list. Every round reads only what was added to it since the round before, so
that a round costs the same after an hour as after a day.
"""

from __future__ import annotations

import calendar
import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any

BUCKET = 10  # seconds; the periods of alarms are multiples of it
KEPT = 8 * 86_400  # seconds; an alarm looks at seven days at most, and two periods more

Series = tuple[str, str, frozenset[tuple[str, str]]]


@dataclass
class Bucket:
    """The data points of some time."""

    count: float = 0.0
    sum: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf
    weights: dict[float, float] = field(default_factory=dict)  # how often each value was

    def add(self, count: float, sum_: float, minimum: float, maximum: float) -> None:
        """One data point, or the statistics of several; only the former tells percentiles."""
        self.count += count
        self.sum += sum_
        self.minimum = min(self.minimum, minimum)
        self.maximum = max(self.maximum, maximum)
        if minimum == maximum:
            self._weigh(minimum, max(1.0, count))

    def _weigh(self, value: float, weight: float) -> None:
        self.weights[value] = self.weights.get(value, 0.0) + weight

    def merge(self, other: Bucket) -> None:
        self.count += other.count
        self.sum += other.sum
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        for value, weight in other.weights.items():
            self._weigh(value, weight)

    def statistic(self, name: str) -> float | None:
        """Average, Sum, …, or a percentile such as p90; None when the data do not tell it."""
        if not self.count:
            return None
        if name.startswith("p"):
            return percentile(self.weights, float(name[1:])) if self.weights else None
        return {
            "SampleCount": self.count,
            "Sum": self.sum,
            "Average": self.sum / self.count,
            "Minimum": self.minimum,
            "Maximum": self.maximum,
        }[name]


def percentile(weights: Mapping[float, float], rank: float) -> float:
    """The value below which `rank` percent of the values lie, between two neighbours."""
    ordered = sorted(weights)
    ends = list(accumulate(weights[value] for value in ordered))
    position = (ends[-1] - 1) * rank / 100
    place = math.floor(position)
    low = ordered[bisect_right(ends, place)]
    high = ordered[min(bisect_right(ends, place + 1), len(ordered) - 1)]
    return low + (high - low) * (position - place)


class MetricIndex:
    """Buckets of one region's metrics; not safe for several threads at a time."""

    def __init__(self) -> None:
        self._seen = 0
        self._source: Any = None
        self._series: dict[Series, dict[str, dict[int, Bucket]]] = {}
        self._versions: dict[Series, int] = {}

    def read(self, points: list[Any], now: float) -> None:
        """Take in what was added to moto's list since the last call."""
        if points is not self._source or len(points) < self._seen:
            self.__init__()  # type: ignore[misc]  # moto was emptied
            self._source = points
        new = points[self._seen :]
        self._seen += len(new)
        touched = {self._add(point) for point in new}
        for series in touched:
            self._versions[series] = self._versions.get(series, 0) + 1
            self._forget(series, now - KEPT)

    def version(self, series: Series) -> int:
        """Changes whenever data were added to the series."""
        return self._versions.get(series, 0)

    def window(self, series: Series, start: int, seconds: int, unit: str | None) -> Bucket | None:
        """All data points from `start` on, for so many seconds; None when there are none."""
        units = self._series.get(series, {})
        chosen = units.values() if unit is None else [units.get(unit, {})]
        found = [
            buckets[at]
            for buckets in chosen
            for at in range(start, start + seconds, BUCKET)
            if at in buckets
        ]
        if not found:
            return None
        whole = Bucket()
        for bucket in found:
            whole.merge(bucket)
        return whole

    def _add(self, point: Any) -> Series:
        dimensions = frozenset((d.name, d.value) for d in point.dimensions)
        series = (point.namespace, point.name, dimensions)
        buckets = self._series.setdefault(series, {}).setdefault(point.unit or "None", {})
        seconds = _seconds(point.timestamp)
        bucket = buckets.setdefault(seconds - seconds % BUCKET, Bucket())
        if hasattr(point, "value"):
            bucket.add(1.0, point.value, point.value, point.value)
        else:
            bucket.add(point.sample_count, point.sum, point.min, point.max)
        return series

    def _forget(self, series: Series, before: float) -> None:
        for buckets in self._series[series].values():
            while buckets and (oldest := next(iter(buckets))) < before:
                del buckets[oldest]


def series_of(namespace: str, metric: str, dimensions: Mapping[str, str]) -> Series:
    """How the index names a metric."""
    return (namespace, metric, frozenset(dimensions.items()))


def _seconds(moment: datetime) -> int:
    # utctimetuple takes a time without a zone for UTC, as moto does.
    return calendar.timegm(moment.utctimetuple())
