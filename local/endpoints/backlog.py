"""CloudWatch's metrics of asynchronous endpoints: their queues, and what becomes of requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from local.backend import Backend
from local.endpoints.measures import COMPACT_EVERY, FINE, NAMESPACE
from local.endpoints.queue import Backlog
from local.functions.buckets import Buckets

ROUND = 1.0  # seconds between two looks
IDLE_ROUNDS = 10  # looks after which an empty queue is told again


@dataclass(frozen=True)
class Look:
    """An endpoint's queue and instances at one moment."""

    endpoint: str
    backlog: Backlog
    instances: int


class BacklogMeasures:
    """Tells the length of every queue each second, of an empty one every ten."""

    def __init__(self, backend: Backend, look: Callable[[], Iterable[Look]]) -> None:
        self._now, self._metrics = backend.now, backend.metrics
        self._requests = Buckets(backend.metrics)
        self._look = look
        self._stop = threading.Event()
        self._rounds = 0
        self._compacted = time.monotonic()

    def start(self) -> None:
        threading.Thread(target=self._run, name="backlogs", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def tell(self) -> None:
        """One round."""
        idle = self._rounds % IDLE_ROUNDS == 0
        self._rounds += 1
        for look in self._look():
            if look.backlog.size or idle:
                self._tell(look)
        if time.monotonic() - self._compacted > COMPACT_EVERY:
            self._compacted = time.monotonic()
            self._metrics.compact(NAMESPACE, self._now() - FINE)

    def request(
        self, endpoint: str, variant: str, metric: str, value: float = 1.0, unit: str = "Count"
    ) -> None:
        """One data point of what became of a request."""
        dimensions = {"EndpointName": endpoint, "VariantName": variant}
        self._requests.put(NAMESPACE, metric, value, dimensions, self._now(), unit)

    def _tell(self, look: Look) -> None:
        now, size = self._now(), look.backlog.size
        age = now - look.backlog.oldest if look.backlog.oldest is not None else 0.0
        lacking = float(size > 0 and look.instances == 0)
        # Without instances the whole queue is one instance's: it would need at least that.
        each = size / max(look.instances, 1)
        for metric, value, unit in (
            ("ApproximateBacklogSize", float(size), "Count"),
            ("ApproximateBacklogSizePerInstance", each, "Count"),
            ("ApproximateAgeOfOldestRequest", max(age, 0.0), "Seconds"),
            ("HasBacklogWithoutCapacity", lacking, "Count"),
        ):
            dimensions = {"EndpointName": look.endpoint}
            self._metrics.put(NAMESPACE, metric, value, dimensions, now, unit)

    def _run(self) -> None:
        while not self._stop.wait(ROUND):
            self.tell()
