"""Several hosts at once: started together, watched, and all ended when one fails or is told to."""

from __future__ import annotations

import logging
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from local.jobs.failure import JobFailure, algorithm_error, internal_error
from local.jobs.launcher import HostCommand, Launcher, Process
from local.jobs.lifecycle import Control
from local.jobs.output import HostOutput

logger = logging.getLogger(__name__)

TICK = 1.0  # seconds between two looks at checkpoints and continuous outputs
GRACE_FOR_PEERS = 5.0  # seconds that the other hosts get when one has failed
LEFT_OUTPUT = 5.0  # seconds for output of processes that left their group and keep the pipe
LOST = {signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT}

STOPPED, MAX_RUNTIME, MAX_WAIT = "Stopped", "MaxRuntimeExceeded", "MaxWaitTimeExceeded"
INTERRUPTED = "Interrupted"  # by the loss of spot capacity; the job goes on when it is back


@dataclass(frozen=True)
class Limits:
    """When a run must end: times of `time.time()`, and the seconds from SIGTERM to SIGKILL."""

    runtime_until: float | None = None
    wait_until: float | None = None
    grace: float = 120.0

    def exceeded(self, now: float) -> str:
        """The limit that `now` is past, or ""."""
        if self.wait_until is not None and now >= self.wait_until:
            return MAX_WAIT
        if self.runtime_until is not None and now >= self.runtime_until:
            return MAX_RUNTIME
        return ""

    def next(self) -> float:
        times = [t for t in (self.runtime_until, self.wait_until) if t is not None]
        return min(times, default=float("inf"))


@dataclass
class HostRun:
    """One running host."""

    command: HostCommand
    process: Process
    output: HostOutput
    code: int | None = None


@dataclass
class Outcome:
    """How the hosts ended: `ended` is "", Stopped, a limit or Interrupted; `first` failed first."""

    ended: str = ""
    first: HostRun | None = None
    runs: list[HostRun] = field(default_factory=list)

    def failure(self, words: Callable[[str], str]) -> JobFailure | None:
        """Why the job failed, or None; `words` gives a host's own failure text or ""."""
        if self.ended or self.first is None:
            return None
        host, code = self.first.command.host, self.first.code or 0
        number = -code if code < 0 else code - 128
        if number in LOST and (code < 0 or number == signal.SIGKILL):
            return internal_error(f"host {host} was lost (killed by signal {number}).")
        text = words(host) or self.first.output.last_error.text() or "the script failed"
        if code < 0:
            return algorithm_error(f"{text}, killed by {signal.Signals(number).name}")
        return algorithm_error(f"{text}, exit code: {code}")


class Hosts:
    """The hosts of one job."""

    def __init__(
        self,
        launcher: Launcher,
        control: Control,
        take: Callable[[str, str], None],
        tick: Callable[[], None],
    ) -> None:
        """`take(host, line)` gets every line printed, `tick()` is called about every second."""
        self._launcher = launcher
        self._control = control
        self._take = take
        self._tick = tick
        self._runs: list[HostRun] = []

    def start(self, commands: Sequence[HostCommand]) -> None:
        """Start all, or none: raises what the launcher raises."""
        with self._all_ended():
            for command in commands:
                self._start(command)

    def process_ids(self) -> dict[str, int]:
        return {run.command.host: run.process.pid for run in self._runs}

    def wait(self, limits: Limits) -> Outcome:
        """Watch until no process of theirs is left."""
        outcome = Outcome(runs=self._runs)
        with self._all_ended():
            while self._running():
                self._wait(outcome, limits)
        return outcome

    def _start(self, command: HostCommand) -> None:
        output = HostOutput(lambda line: self._take_line(command.host, line))
        run = HostRun(command, self._launcher.start(command), output)
        self._runs.append(run)
        name = f"host-{command.host}"
        threading.Thread(target=self._follow, args=(run,), name=name, daemon=True).start()

    def _take_line(self, host: str, line: str) -> None:
        try:
            self._take(host, line)
        except Exception:
            # The pipe must be drained whatever happens, or the script would hang in its print.
            logger.exception("a line of %s could not be kept", host)

    def _follow(self, run: HostRun) -> None:
        streams = (run.process.stdout, run.process.stderr)
        reader = threading.Thread(target=run.output.follow, args=streams, daemon=True)
        reader.start()
        code = run.process.wait()
        reader.join(LEFT_OUTPUT)
        self._control.happenings.put((run.command.host, code))

    def _running(self) -> list[HostRun]:
        return [run for run in self._runs if run.code is None]

    def _wait(self, outcome: Outcome, limits: Limits) -> None:
        now = time.time()
        if not outcome.ended and not outcome.first:
            ended = self._control.asked() or limits.exceeded(now)
            if ended:
                outcome.ended = ended
                self._end(limits.grace)
                return
        self._note(outcome, self._next(min(TICK, max(0.01, limits.next() - now))))

    def _next(self, timeout: float) -> tuple[str, int] | None:
        try:
            return self._control.happenings.get(timeout=timeout)
        except queue.Empty:
            self._tick()
            return None

    def _note(self, outcome: Outcome, happening: tuple[str, int] | None) -> None:
        if happening is None:
            return
        host, code = happening
        run = next(run for run in self._runs if run.command.host == host)
        run.code = code
        if code != 0 and outcome.first is None and not outcome.ended:
            outcome.first = run
            self._end(GRACE_FOR_PEERS)

    def _end(self, grace: float) -> None:
        """SIGTERM to all, SIGKILL to those that still run after `grace` seconds."""
        for run in self._running():
            run.process.signal(signal.SIGTERM)
        until = time.time() + grace
        while self._running() and time.time() < until:
            happening = self._next(min(TICK, max(0.01, until - time.time())))
            if happening:
                self._note_ended(*happening)
        for run in self._running():
            run.process.signal(signal.SIGKILL)
        while self._running():
            happening = self._control.happenings.get()
            if happening:
                self._note_ended(*happening)

    def _note_ended(self, host: str, code: int) -> None:
        next(run for run in self._runs if run.command.host == host).code = code

    @contextmanager
    def _all_ended(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._end(0)
            raise
