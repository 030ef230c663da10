"""The machine's cores, shared fairly: jobs wait their turn instead of crowding each other."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SMALL_SIZES = {"nano": 1, "micro": 1, "small": 1, "medium": 1, "large": 2, "xlarge": 4}


def instance_cores(instance_type: str) -> int:
    """vCPUs of an instance type, from the size in its name (`ml.g4dn.xlarge` has 4)."""
    size = instance_type.rpartition(".")[2]
    if size in SMALL_SIZES:
        return SMALL_SIZES[size]
    times = re.fullmatch(r"(\d+)xlarge", size)
    return 4 * int(times.group(1)) if times else 2


def available_cores() -> int:
    """Cores this process may use (cgroup and affinity respected where the system tells)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Capacity:
    """First come, first served turns on a fixed number of cores."""

    def __init__(self, cores: int | None = None) -> None:
        self.cores = cores or available_cores()
        self._free = self.cores
        self._queue: list[object] = []
        self._changed = threading.Condition()

    def cores_per_host(self, instance_type: str, hosts: int) -> int:
        """Cores that one of `hosts` gets here: its type's, or a fair part of this machine."""
        return max(1, min(instance_cores(instance_type), self.cores // max(1, hosts)))

    @contextmanager
    def hold(self, cores: int, stopped: Callable[[], bool] = lambda: False) -> Iterator[bool]:
        """Wait for `cores` (at most all), hold them for the block.

        Yields False, holding nothing, when `stopped()` became true while waiting.
        """
        wanted = min(cores, self.cores)
        granted = self._take(wanted, stopped)
        try:
            yield granted
        finally:
            if granted:
                self._give_back(wanted)

    def _take(self, wanted: int, stopped: Callable[[], bool]) -> bool:
        turn = object()
        with self._changed:
            self._queue.append(turn)
            while not stopped():
                if self._queue[0] is turn and self._free >= wanted:
                    self._free -= wanted
                    self._leave(turn)
                    return True
                self._changed.wait(timeout=0.2)
            self._leave(turn)
            return False

    def _leave(self, turn: object) -> None:
        self._queue.remove(turn)
        self._changed.notify_all()

    def _give_back(self, cores: int) -> None:
        with self._changed:
            self._free += cores
            self._changed.notify_all()
