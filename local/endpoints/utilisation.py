"""How busy model servers are: CPUUtilization and MemoryUtilization, from /proc.

Every ten seconds each variant with instances is told of, an instance a value. As on AWS, 100 % of
CPU is one core. Memory is a share of this machine's. Without /proc nothing is told.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from local.backend import Backend
from local.jobs.launcher import HostCommand, Launcher, Process
from local.jobs.launchers import shared_launcher

logger = logging.getLogger(__name__)
NAMESPACE = "/aws/sagemaker/Endpoints"
EVERY = 10.0  # seconds
COMPACT_EVERY = 300.0  # seconds
FINE = 1_800.0  # seconds after which metrics are kept by the minute
PROC = Path("/proc")
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")  # of CPU time, in a second
Variant = tuple[str, str]  # the names of endpoint and variant


@dataclass(frozen=True)
class Usage:
    """What a process group has used: ticks of CPU since it began, bytes of memory now."""

    ticks: int = 0
    memory: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.ticks + other.ticks, self.memory + other.memory)


class Utilisation:
    """Watches what its launchers start, in a thread, for as long as a server runs."""

    def __init__(self, backend: Backend) -> None:
        self._metrics, self._now = backend.metrics, backend.now
        self._running: dict[int, Variant] = {}
        self._before: dict[int, tuple[float, int]] = {}  # when, and the ticks until then
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._compacted = 0.0

    def launcher(self, endpoint: str, variant: str) -> Launcher:
        """Starts instances of a variant."""
        return _WatchedLauncher(self, (endpoint, variant))

    def watch(self, process: int, variant: Variant) -> None:
        """Tell of the process and of its group from now on."""
        with self._lock:
            self._running[process] = variant
            if self._thread is None and PROC.is_dir() and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="utilisation", daemon=True)
                self._thread.start()

    def forget(self, process: int) -> None:
        with self._lock:
            self._running.pop(process, None)
            self._before.pop(process, None)

    def close(self) -> None:
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(EVERY):
            try:
                self.measure(self._now())
            except Exception:  # one bad look must not end all of them
                logger.exception("the model servers could not be looked at")

    def measure(self, now: float) -> None:
        """Put what was used since the last look; `now` in seconds since the epoch."""
        with self._lock:
            running = dict(self._running)
        if not running:
            return
        cpu, memory = defaultdict(list), defaultdict(list)
        whole = _machine_memory()
        for process, usage in _usages(set(running)).items():
            memory[running[process]].append(100 * usage.memory / whole)
            share = self._share(process, usage.ticks, now)
            if share is not None:
                cpu[running[process]].append(share)
        for name, found in (("CPUUtilization", cpu), ("MemoryUtilization", memory)):
            for (endpoint, variant), values in found.items():
                dimensions = {"EndpointName": endpoint, "VariantName": variant}
                for value in values:
                    self._metrics.put(NAMESPACE, name, value, dimensions, now, "Percent")
        self._compact(now)

    def _share(self, process: int, ticks: int, now: float) -> float | None:
        """Percent of a core since the last look; None at the first."""
        with self._lock:
            before = self._before.get(process)
            if process in self._running:
                self._before[process] = (now, ticks)
        if before is None or now <= before[0]:
            return None
        return max(0.0, 100 * (ticks - before[1]) / TICKS / (now - before[0]))

    def _compact(self, now: float) -> None:
        if now - self._compacted > COMPACT_EVERY:
            self._compacted = now
            self._metrics.compact(NAMESPACE, now - FINE)


class _WatchedLauncher:
    def __init__(self, utilisation: Utilisation, variant: Variant) -> None:
        self._utilisation = utilisation
        self._variant = variant

    def start(self, command: HostCommand) -> Process:
        process = shared_launcher().start(command)
        self._utilisation.watch(process.pid, self._variant)
        return _WatchedProcess(self._utilisation, process)


class _WatchedProcess:
    """A process that is no longer watched when it has ended: its number may come again."""

    def __init__(self, utilisation: Utilisation, process: Process) -> None:
        self._utilisation = utilisation
        self._process = process
        self.stdout: IO[bytes] = process.stdout
        self.stderr: IO[bytes] = process.stderr

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: int) -> None:
        self._process.signal(number)

    def wait(self) -> int:
        code = self._process.wait()
        self._utilisation.forget(self.pid)
        return code


def _usages(groups: set[int]) -> dict[int, Usage]:
    """What each of the process groups has used, in one look at all processes."""
    found: dict[int, Usage] = {}
    for group, usage in _processes():
        if group in groups:
            found[group] = found.get(group, Usage()) + usage
    return found


def _processes() -> Iterator[tuple[int, Usage]]:
    """The group and the usage of each process there is."""
    for folder in PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            # The name, in brackets, may hold anything; the state comes after it.
            fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue  # it has ended
        # Of itself and of its children that have ended, in the kernel and outside of it.
        yield int(fields[2]), Usage(sum(map(int, fields[11:15])), int(fields[21]) * PAGE)


def _machine_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * PAGE
