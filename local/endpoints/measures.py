"""SageMaker's metrics of endpoints in CloudWatch, at any rate of requests.

Requests are gathered by the second and written by a thread: counts as one statistic set each, and
latencies so that percentiles remain true. A second with few requests is written value by value; of
one with many, values within two percent of each other become one, with its weight.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from local.backend import Backend

NAMESPACE = "AWS/SageMaker"
MICROSECONDS = 1_000_000
EXACT = 10  # latencies of a second that are written as they are
NEAR = math.log(1.02)  # of latencies that are written as one
COMPACT_EVERY = 300.0  # seconds
FINE = 1_800.0  # seconds after which metrics are kept by the minute
LATENCIES = ("ModelLatency", "OverheadLatency")
REALTIME_ONLY = ("Invocations", "InvocationsPerInstance", "OverheadLatency")


@dataclass(frozen=True)
class Outcome:
    """How one request ended at a variant.

    `status` is the container's, None when it did not answer; `seconds` is the time that it had the
    request, None when it never had it. `overhead` is the time that passed outside of it,
    `instances` the number that shared the variant's requests.
    """

    endpoint: str
    variant: str
    instances: int
    status: int | None
    seconds: float | None
    overhead: float = 0.0
    asynchronous: bool = False

    def values(self) -> Iterator[tuple[str, float]]:
        """What it adds to each metric."""
        status = self.status or 0
        yield "Invocations", 1.0
        yield "InvocationsPerInstance", 1.0 / max(self.instances, 1)
        yield "Invocation4XXErrors", float(400 <= status < 500)
        yield "Invocation5XXErrors", float(status >= 500)
        yield "InvocationModelErrors", float(not 200 <= status < 300)
        yield "OverheadLatency", self.overhead * MICROSECONDS
        if self.seconds is not None:
            yield "ModelLatency", self.seconds * MICROSECONDS


@dataclass
class _Second:
    """The values of one variant's metrics within a second."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        for metric, value in outcome.values():
            if not (outcome.asynchronous and metric in REALTIME_ONLY):
                self.values.setdefault(metric, []).append(value)


class Measures:
    """Counts requests; `record` is cheap, a thread writes while there is something to write."""

    def __init__(self, backend: Backend) -> None:
        self._now, self._metrics = backend.now, backend.metrics
        self._lock = threading.Lock()
        self._seconds: dict[tuple[str, str, int], _Second] = {}
        self._writing = False
        self._compacted = time.monotonic()

    def record(
        self,
        endpoint: str,
        variant: str,
        instances: int,
        status: int | None,
        seconds: float | None,
        overhead: float,
        asynchronous: bool = False,
    ) -> None:
        """Add one request to what is told of its variant; the arguments are an Outcome's."""
        outcome = Outcome(endpoint, variant, instances, status, seconds, overhead, asynchronous)
        at = int(self._now())
        with self._lock:
            key = (outcome.endpoint, outcome.variant, at)
            self._seconds.setdefault(key, _Second()).add(outcome)
            if not self._writing:
                self._writing = True
                threading.Thread(target=self._write_all, name="measures", daemon=True).start()

    def close(self) -> None:
        """Write what is left; the server ends."""
        self.flush()

    def flush(self) -> None:
        """Write all that was gathered."""
        with self._lock:
            gathered, self._seconds = self._seconds, {}
        for (endpoint, variant, at), second in gathered.items():
            dimensions = {"EndpointName": endpoint, "VariantName": variant}
            for metric, values in second.values.items():
                self._write(metric, values, dimensions, at)

    def _write(
        self, metric: str, values: Sequence[float], dimensions: dict[str, str], at: int
    ) -> None:
        latency = metric in LATENCIES
        unit = "Microseconds" if latency else "None"
        for alike in groups(values) if latency else [values]:
            self._metrics.put_statistics(NAMESPACE, metric, alike, dimensions, at, unit)

    def _write_all(self) -> None:
        while True:
            time.sleep(1.0)
            self.flush()
            self._compact()
            with self._lock:
                if not self._seconds:
                    self._writing = False
                    return

    def _compact(self) -> None:
        if time.monotonic() - self._compacted > COMPACT_EVERY:
            self._compacted = time.monotonic()
            self._metrics.compact(NAMESPACE, self._now() - FINE)


def groups(values: Sequence[float]) -> list[list[float]]:
    """The values; those near to each other each as their mean, but the extremes as they are."""
    ordered = sorted(values)
    if len(ordered) <= EXACT:
        return [[value] for value in ordered]
    alike: dict[int, list[float]] = {}
    for value in ordered[1:-1]:
        alike.setdefault(nearness(value), []).append(value)
    means = [[sum(near) / len(near)] * len(near) for near in alike.values()]
    return [[ordered[0]], *means, [ordered[-1]]]


def nearness(value: float) -> int:
    """The same number for values that are near to each other."""
    return round(math.log(max(value, 1.0)) / NEAR)
