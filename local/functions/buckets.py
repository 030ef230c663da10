"""Data points at any rate: the first few as they are, the rest summed, so that memory lasts.

Within a bucket of some seconds the first data points of a metric are written at once, each by
itself; what follows becomes one statistic set (count, sum, least, most) at the bucket's end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from local.metrics import Metrics

SECONDS = 5.0  # how long a bucket is
FIRST = 5  # data points of a bucket that are written as they are
NEAR = 60.0  # seconds from now within which a data point may be put into a bucket

Series = tuple[str, str, tuple[tuple[str, str], ...], str]  # namespace, name, dimensions, unit


@dataclass
class _Bucket:
    """What has come of one metric since `opened` (monotonic)."""

    opened: float
    written: int = 0
    values: list[float] = field(default_factory=list)
    timestamp: float = 0.0


class Buckets:
    """Stands before Metrics, with the same `put`."""

    def __init__(self, metrics: Metrics, seconds: float = SECONDS, first: int = FIRST) -> None:
        self._metrics = metrics
        self._seconds, self._first = seconds, first
        self._lock = threading.Lock()
        self._buckets: dict[Series, _Bucket] = {}
        self._emptying = False
        self._closed = False

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
        if self._closed:
            return
        series = (namespace, name, tuple(sorted(dimensions.items())), unit)
        if abs(timestamp - time.time()) > NEAR or not self._keep(series, value, timestamp):
            self._metrics.put(namespace, name, value, dimensions, timestamp, unit)

    def close(self) -> None:
        """Write what is left; what comes later is not kept."""
        self._closed = True
        self.empty(time.monotonic() + self._seconds)

    def empty(self, now: float | None = None) -> None:
        """Write every bucket whose time has come, and forget it."""
        now = time.monotonic() if now is None else now
        with self._lock:
            due = [s for s, bucket in self._buckets.items() if bucket.opened + self._seconds <= now]
            gone = [(series, self._buckets.pop(series)) for series in due]
        for (namespace, name, dimensions, unit), bucket in gone:
            if bucket.values:
                self._metrics.put_statistics(
                    namespace, name, bucket.values, dict(dimensions), bucket.timestamp, unit
                )

    def _keep(self, series: Series, value: float, timestamp: float) -> bool:
        """Put a data point into its bucket, unless it is one of the first."""
        with self._lock:
            bucket = self._buckets.setdefault(series, _Bucket(time.monotonic()))
            self._watch()
            if bucket.written < self._first:
                bucket.written += 1
                return False
            bucket.values.append(value)
            bucket.timestamp = timestamp
            return True

    def _watch(self) -> None:
        if not self._emptying:
            self._emptying = True
            threading.Thread(target=self._empty_all, name="metrics", daemon=True).start()

    def _empty_all(self) -> None:
        while True:
            time.sleep(self._seconds)
            self.empty()
            with self._lock:
                if not self._buckets:
                    self._emptying = False
                    return
