"""One job from its turn on the cores to its last status; the same course for every kind of job."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from local.errors import ApiError
from local.iam.actor import Actor, note_start
from local.iam.caller import acting
from local.jobs.failure import JobFailure, client_error
from local.jobs.hosts import INTERRUPTED, MAX_WAIT, STOPPED, Hosts, Limits, Outcome
from local.jobs.launcher import HostCommand, Launcher
from local.jobs.layout import HostFolder
from local.jobs.lifecycle import Control, JobTable

logger = logging.getLogger(__name__)


GRACE = 120.0  # seconds from SIGTERM to SIGKILL when a job is stopped, as on AWS


@dataclass(frozen=True)
class Size:
    """What a job occupies: its instance type and its number of hosts."""

    instance_type: str
    hosts: int


class Work(Protocol):
    """What one kind of job does at each point of the common course."""

    name: str
    size: Size
    actor: Actor
    folders: Sequence[HostFolder]

    def wait(self) -> None:
        """The cores are taken: the job waits for them."""
        ...

    def limits(self) -> Limits:
        """The limits, asked for once the job has its cores."""
        ...

    def download(self, cores: int) -> Sequence[HostCommand]:
        """Lay out the hosts and their data; `cores` for each. Raises JobFailure."""
        ...

    def begin(self) -> None:
        """The hosts are about to start."""
        ...

    def take(self, host: str, line: str) -> None:
        """A host printed a line."""
        ...

    def tick(self) -> None:
        """About a second has passed while the hosts run."""
        ...

    def upload(self, outcome: Outcome, failure: JobFailure | None) -> None:
        """The hosts have ended: keep what they made, for good or, when they were interrupted,
        until they start again. Raises JobFailure."""
        ...

    def finish(self, ended: str, failure: JobFailure | None) -> None:
        """The last status: `ended` is "" for a full run, Stopped, or the limit that ended it."""
        ...


class Execution:
    """Runs the works of one kind of job, each in a thread of its own, on the shared cores."""

    def __init__(self, table: JobTable, launcher: Launcher) -> None:
        self._table = table
        self._backend = table.backend
        self._launcher = launcher

    def start(self, work: Work) -> None:
        """Begin; returns at once."""
        name = f"job-{work.name}"
        threading.Thread(target=self._run, args=(work,), name=name, daemon=True).start()

    def _run(self, work: Work) -> None:
        with acting(work.actor.caller):
            self._perform(work)

    def _perform(self, work: Work) -> None:
        control = self._table.control(work.name)
        ended, failure = "", None
        try:
            ended, failure = self._take_turn(work, control)
        except JobFailure as error:
            failure = error
        except ApiError as error:  # what the job's role may not do
            failure = client_error(error.message)
        except Exception as error:  # the edge of the thread: any fault of ours ends as a failed job
            logger.exception("the run of %s failed", work.name)
            failure = JobFailure("InternalServerError", f"{type(error).__name__}: {error}")
        for folder in work.folders:
            folder.remove_bulk()
        self._backend.objects.save()  # a job is not Completed before its outputs outlive a crash
        work.finish(ended, failure)
        self._table.forget_control(work.name)

    def _take_turn(self, work: Work, control: Control) -> tuple[str, JobFailure | None]:
        cores = self._backend.capacity.cores_per_host(work.size.instance_type, work.size.hosts)
        while True:
            gave_up = _Patience(work, control, work.limits())
            with self._backend.capacity.hold(cores * work.size.hosts, gave_up) as granted:
                if not granted:
                    return _given_up(control), None
                ended, failure = self._run_hosts(work, control, cores)
            if ended != INTERRUPTED:
                return ended, failure
            if not control.await_capacity(_Patience(work, control, work.limits()).given_up):
                return _given_up(control), None

    def _run_hosts(self, work: Work, control: Control, cores: int) -> tuple[str, JobFailure | None]:
        for folder in work.folders:
            folder.clear()
        group = self._table.kind.log_group
        note_start(self._backend.calls, work.actor, group, namespace=group)
        commands = work.download(cores)
        if asked := control.asked():
            if asked == INTERRUPTED:
                work.upload(Outcome(asked), None)
            return asked, None
        work.begin()
        with ExitStack() as stack:
            logs = _LogStreams(self._table, work, stack)
            hosts = Hosts(self._launcher, control, logs.take, work.tick)
            hosts.start(commands)
            self._table.set_quietly(work.name, _pids=hosts.process_ids())
            outcome = hosts.wait(work.limits())
        words = {folder.host: folder.read_output("failure") for folder in work.folders}
        failure = outcome.failure(words.__getitem__)
        work.upload(outcome, failure)
        return outcome.ended, failure


class _Patience:
    """Asked again and again while a job waits for cores: whether it has given up.

    The first question comes before the first look at the cores, so the second means waiting.
    """

    def __init__(self, work: Work, control: Control, limits: Limits) -> None:
        self._work, self._control, self._limits = work, control, limits
        self._questions = 0

    def __call__(self) -> bool:
        self._questions += 1
        if self._questions == 2:
            self._work.wait()
        return self.given_up()

    def given_up(self) -> bool:
        return self._control.stopped() or bool(self._limits.exceeded(time.time()))


def _given_up(control: Control) -> str:
    return STOPPED if control.stopped() else MAX_WAIT


class _LogStreams:
    """One log stream per host, named as SageMaker names them."""

    def __init__(self, table: JobTable, work: Work, stack: ExitStack) -> None:
        self._work = work
        backend, group = table.backend, table.kind.log_group
        epoch = int(backend.now())
        self._streams = {}
        for folder in work.folders:
            stream = backend.logs.open(group, f"{work.name}/{folder.host}-{epoch}")
            stack.callback(stream.close)
            self._streams[folder.host] = stream

    def take(self, host: str, line: str) -> None:
        self._streams[host].write(line)
        self._work.take(host, line)
