"""The instances of one variant: as many as are wanted, each request led to one of them.

A request leases an instance. One that has to go takes no more leases and ends when it has given
back its last, so that no request is lost to an update or a scale-in. An instance whose process has
ended by itself is replaced.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from local.endpoints.instance import Instance
from local.endpoints.invocation import StartFailed
from local.endpoints.variants import RANDOM

logger = logging.getLogger(__name__)
LOOK = 0.5  # seconds between two looks at the processes
LONGEST_PAUSE = 30.0  # seconds between two tries to replace an instance
AT_ONCE = 8  # instances that start side by side
Stopped = Callable[[], bool]


class NoInstance(Exception):
    """Nothing is there to answer: the fleet is empty."""


class FleetClosed(Exception):
    """The fleet takes no more requests; another one has taken over."""


class Busy(Exception):
    """More requests at once than a serverless variant may answer."""


class Serving(Protocol):
    """What answers for one variant."""

    @property
    def size(self) -> int:
        """Instances that answer now."""
        ...

    def start(self, count: int, stopped: Stopped) -> None:
        """Have `count` instances, or none: raises StartFailed."""
        ...

    def resize(self, count: int, stopped: Stopped) -> None:
        """Have `count` instances; raises StartFailed and then has as many as before."""
        ...

    @contextmanager
    def lease(self) -> Iterator[Instance]:
        """An instance for one request. Raises NoInstance, FleetClosed or Busy."""
        ...

    def stop(self) -> None:
        """Answer what was begun, then end every process."""
        ...


@dataclass
class Member:
    """An instance of a fleet and how many requests hold it."""

    instance: Instance
    leases: int = 0


class Fleet:
    """Instances that `launch` makes; `routing` is SageMaker's RoutingStrategy."""

    def __init__(self, launch: Callable[[], Instance], name: str, routing: str = RANDOM) -> None:
        self._launch = launch
        self._name = name
        self._routing = routing
        self._changed = threading.Condition()
        self._members: list[Member] = []
        self._wanted = 0
        self._closed = threading.Event()
        self._keeper: threading.Thread | None = None

    @property
    def size(self) -> int:
        return len(self._members)

    def start(self, count: int, stopped: Stopped) -> None:
        self.resize(count, stopped)
        self._keeper = threading.Thread(target=self._keep, name=f"fleet-{self._name}", daemon=True)
        self._keeper.start()

    def resize(self, count: int, stopped: Stopped) -> None:
        lacking = count - len(self._members)
        started = self._start_some(lacking, stopped)
        with self._changed:
            self._members += [Member(instance) for instance in started]
            self._wanted = count
            leaving = self._members[count:]
            del self._members[count:]
        self._drain(leaving)

    @contextmanager
    def lease(self) -> Iterator[Instance]:
        member = self._take()
        try:
            yield member.instance
        finally:
            with self._changed:
                member.leases -= 1
                self._changed.notify_all()

    def stop(self) -> None:
        self._closed.set()
        with self._changed:
            leaving, self._members = self._members, []
            self._wanted = 0
        self._drain(leaving)

    def _take(self) -> Member:
        with self._changed:
            if self._closed.is_set():
                raise FleetClosed
            members = self._members
            if not members:
                raise NoInstance
            if self._routing != RANDOM:
                least = min(member.leases for member in members)
                members = [member for member in members if member.leases == least]
            member = random.choice(members)  # noqa: S311 - a draw, no secret
            member.leases += 1
            return member

    def _start_some(self, count: int, stopped: Stopped) -> list[Instance]:
        """Start instances side by side; when one fails, none is left."""
        if count <= 0:
            return []
        instances = [self._launch() for _ in range(count)]
        with ThreadPoolExecutor(min(count, AT_ONCE)) as pool:
            failures = list(pool.map(lambda instance: _attempt(instance, stopped), instances))
        failed = [failure for failure in failures if failure is not None]
        if failed:
            for instance in instances:
                instance.stop(0)
            raise failed[0]
        return instances

    def _drain(self, members: list[Member]) -> None:
        for member in members:
            with self._changed:
                while member.leases and member.instance.alive():
                    self._changed.wait(LOOK)
            member.instance.stop(0)

    def _keep(self) -> None:
        """Replace instances whose process has ended, more slowly the more often it fails."""
        pause = LOOK
        while not self._closed.wait(pause):
            try:
                replaced = self._replace()
            except StartFailed as error:
                logger.warning("%s: a replacement did not start: %s", self._name, error)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                pause = LOOK if not replaced else min(2 * pause, LONGEST_PAUSE)

    def _replace(self) -> bool:
        with self._changed:
            gone = [member for member in self._members if not member.instance.alive()]
            self._members = [member for member in self._members if member not in gone]
            lacking = self._wanted - len(self._members)
        for member in gone:
            logger.warning("%s: the process of %s ended", self._name, member.instance.id)
            member.instance.stop(0)
        for instance in self._start_some(lacking, self._closed.is_set):
            self._welcome(instance)
        return bool(gone)

    def _welcome(self, instance: Instance) -> None:
        """Add a replacement, unless the fleet was stopped or made smaller meanwhile."""
        with self._changed:
            welcome = not self._closed.is_set() and len(self._members) < self._wanted
            if welcome:
                self._members.append(Member(instance))
        if not welcome:
            instance.stop(0)


def _attempt(instance: Instance, stopped: Stopped) -> StartFailed | None:
    try:
        instance.start(stopped)
    except StartFailed as error:
        return error
    return None
