"""A serverless variant: instances that begin with the requests and end when there are none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from local.endpoints.fleet import Busy, FleetClosed, Stopped
from local.endpoints.instance import Instance

IDLE = 300.0  # seconds that an instance is kept without a request
LOOK = 1.0  # seconds between two looks for idle ones


class Serverless:
    """At most `most` instances, each for one request at a time; the first requests wait for one."""

    def __init__(
        self, launch: Callable[[], Instance], name: str, most: int, idle: float = IDLE
    ) -> None:
        self._launch = launch
        self._name = name
        self._most = most
        self._idle = idle
        self._changed = threading.Condition()
        self._free: list[tuple[Instance, float]] = []  # with the time of its last request
        self._busy = 0
        self._closed = threading.Event()

    @property
    def size(self) -> int:
        return len(self._free) + self._busy

    def start(self, count: int, stopped: Stopped) -> None:
        """Start one instance, to see that the model serves at all; raises StartFailed."""
        instance = self._launch()
        instance.start(stopped)
        self._free.append((instance, time.monotonic()))
        threading.Thread(target=self._keep, name=f"serverless-{self._name}", daemon=True).start()

    def resize(self, count: int, stopped: Stopped) -> None:
        return  # it has as many as there are requests

    @contextmanager
    def lease(self) -> Iterator[Instance]:
        instance = self._take()
        try:
            if instance is None:
                instance = self._launch()
                instance.start(self._closed.is_set)
            yield instance
        finally:
            self._give_back(instance)

    def stop(self) -> None:
        self._closed.set()
        with self._changed:
            while self._busy:
                self._changed.wait()
            leaving, self._free = self._free, []
        for instance, _ in leaving:
            instance.stop(0)

    def _take(self) -> Instance | None:
        """A free instance, or None for the right to start one."""
        with self._changed:
            if self._closed.is_set():
                raise FleetClosed
            while self._free:
                instance, _ = self._free.pop()
                if instance.alive():
                    self._busy += 1
                    return instance
            if self._busy >= self._most:
                raise Busy(f"all {self._most} of MaxConcurrency are busy")
            self._busy += 1
            return None

    def _give_back(self, instance: Instance | None) -> None:
        with self._changed:
            self._busy -= 1
            if instance is not None and instance.alive():
                self._free.append((instance, time.monotonic()))
                instance = None
            self._changed.notify_all()
        if instance is not None:  # its process ended, or never became healthy
            instance.stop(0)

    def _keep(self) -> None:
        """End the instances that have been idle for too long."""
        while not self._closed.wait(min(LOOK, self._idle)):
            oldest = time.monotonic() - self._idle
            with self._changed:
                leaving = [instance for instance, since in self._free if since < oldest]
                self._free = [(one, since) for one, since in self._free if since >= oldest]
            for instance in leaving:
                instance.stop(0)
