"""All execution environments of a server: kept warm for the next call, ended when idle or stale."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from local.functions.execution import ON_DEMAND, PROVISIONED, Environment, Place
from local.functions.function import Function
from local.functions.processes import Starter, shared_starter
from local.iam.credentials import Credentials

IDLE = (
    300.0  # seconds without a call after which an environment ends; AWS keeps them 5 to 15 minutes
)

Key = tuple[str, str]  # a function's ARN, and the version


class Fleet:
    """Idle environments by version; what works is in the hands of whoever took it.

    `on_lost` is called with a provisioned environment that has ended and was not meant to.
    """

    def __init__(
        self,
        folder: Path,
        credentials: Credentials,
        starter: Starter | None = None,
        idle: float = IDLE,
    ) -> None:
        shutil.rmtree(folder, ignore_errors=True)  # what a killed server has left
        self._place = Place(starter or shared_starter(), credentials, folder)
        self._seconds = idle
        self._idle: dict[Key, list[Environment]] = {}
        self._changed = threading.Condition()
        self._keeper: threading.Thread | None = None
        self._closed = False
        self.on_lost: Callable[[Environment], None] = lambda environment: None

    def warm_up(self) -> None:
        """Prepare in the background for the first cold start."""
        self._place.starter.warm_up()

    def take_provisioned(self, function: Function) -> Environment | None:
        """An idle provisioned environment of this very function, if there is one."""
        return self._take(function, provisioned=True)

    def take(self, function: Function) -> Environment:
        """A warm environment on demand, or a new one that is still cold."""
        return self._take(function, provisioned=False) or self.new(function, provisioned=False)

    def new(self, function: Function, provisioned: bool) -> Environment:
        """A cold environment, with a log stream of its own as on AWS."""
        today = datetime.now(timezone.utc).strftime("%Y/%m/%d")
        stream = f"{today}/[{function.version}]{uuid.uuid4().hex}"
        kind = PROVISIONED if provisioned else ON_DEMAND
        return Environment(function, stream, kind, self._place, self._exited)

    def give_back(self, environment: Environment) -> None:
        """Keep it for the next call, unless it has ended or must."""
        with self._changed:
            keep = environment.alive() and not environment.retired and not self._closed
            if keep:
                environment.idle_since = time.monotonic()
                self._idle.setdefault(_key(environment.function), []).append(environment)
                self._watch()
        if not keep:
            environment.end()

    def retire(self, environment: Environment) -> None:
        """End an environment: now when it is idle, otherwise when it is given back."""
        with self._changed:
            environment.retired = True
            idle = self._drop(environment)
        if idle:
            environment.end()

    def forget(self, arn: str, version: str | None = None) -> None:
        """End what waits of one version of a function, or of all: it has changed, or is gone."""
        with self._changed:
            gone = [
                environment
                for environment in self._all()
                if environment.function.arn == arn
                and version in (None, environment.function.version)
                and not environment.provisioned
            ]
        for environment in gone:
            self.retire(environment)

    def close(self) -> None:
        """End every idle environment; those that work end when they are given back."""
        with self._changed:
            self._closed = True
            gone = self._all()
            self._changed.notify_all()
        for environment in gone:
            self.retire(environment)

    def _take(self, function: Function, provisioned: bool) -> Environment | None:
        with self._changed:
            idle = [
                environment
                for environment in self._idle.get(_key(function), [])
                if environment.provisioned == provisioned
            ]
            stale = [e for e in idle if e.function != function]
            dead = [e for e in idle if not e.alive()]
            found = next((e for e in reversed(idle) if e not in (*stale, *dead)), None)
            for environment in (*dead, *([found] if found else [])):
                self._drop(environment)
        for environment in stale:
            self.retire(environment)
        for environment in dead:  # not retired: a provisioned one is to be replaced
            environment.end()
        return found

    def _all(self) -> list[Environment]:
        return [environment for idle in self._idle.values() for environment in idle]

    def _drop(self, environment: Environment) -> bool:
        """No longer idle; whether it was."""
        idle = self._idle.get(_key(environment.function), [])
        if environment not in idle:
            return False
        idle.remove(environment)
        if not idle:
            del self._idle[_key(environment.function)]
        return True

    def _exited(self, environment: Environment) -> None:
        with self._changed:
            idle = self._drop(environment)
        if idle:
            environment.end()
        if environment.provisioned and not environment.retired:
            self.on_lost(environment)

    def _watch(self) -> None:
        """Have a thread that ends what is idle for too long."""
        if self._keeper is None:
            self._keeper = threading.Thread(target=self._keep, name="function-keeper", daemon=True)
            self._keeper.start()
        self._changed.notify_all()

    def _keep(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                waiting = [e for e in self._all() if not e.provisioned]
                now = time.monotonic()
                gone = [e for e in waiting if e.idle_since + self._seconds <= now]
                if not gone:
                    next_end = min((e.idle_since for e in waiting), default=now) + self._seconds
                    self._changed.wait(next_end - now)
            for environment in gone:
                self.retire(environment)


def _key(function: Function) -> Key:
    return function.arn, function.version
