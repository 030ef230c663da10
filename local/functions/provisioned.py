"""Provisioned concurrency: environments that are initialised before anyone calls them."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from local.functions.execution import Environment
from local.functions.fleet import Fleet
from local.functions.function import Function

logger = logging.getLogger(__name__)

IN_PROGRESS, READY, FAILED = "IN_PROGRESS", "READY", "FAILED"
Key = tuple[str, str]  # a function's ARN, and the version or alias that was configured


@dataclass(frozen=True)
class Status:
    """How far an allocation is; `reason` when it failed."""

    requested: int
    allocated: int
    available: int
    status: str
    reason: str = ""


@dataclass
class _Pool:
    """The environments of one configuration, and whether more of them are being made."""

    function: Function
    requested: int
    environments: list[Environment] = field(default_factory=list)
    making: bool = False
    reason: str = ""


class Provisioned:
    """Keeps as many environments as each configuration asks for, idle ones in the fleet.

    `write` is called with a line that a function prints while it is initialised.
    """

    def __init__(self, fleet: Fleet, write: Callable[[Function, str, str], None]) -> None:
        self._fleet = fleet
        self._write = write
        self._pools: dict[Key, _Pool] = {}
        self._lock = threading.Lock()
        fleet.on_lost = self._replace

    def put(self, key: Key, function: Function, requested: int) -> None:
        """Provide so many environments of a function's version under this key, and no others."""
        with self._lock:
            pool = self._pools.get(key)
            if pool is None or pool.function != function:
                gone = pool.environments if pool else []
                pool = self._pools[key] = _Pool(function, requested)
            else:
                pool.requested, pool.reason = requested, ""
                gone = pool.environments[requested:]
                del pool.environments[requested:]
            self._make(pool)
        self._retire(gone)

    def remove(self, key: Key) -> None:
        with self._lock:
            pool = self._pools.pop(key, None)
        self._retire(pool.environments if pool else [])

    def forget(self, arn: str) -> None:
        """Remove all that belongs to a function."""
        for key in [key for key in list(self._pools) if key[0] == arn]:
            self.remove(key)

    def status(self, key: Key) -> Status | None:
        with self._lock:
            pool = self._pools.get(key)
            return _status(pool) if pool else None

    def covering(self, function: Function) -> tuple[str, int] | None:
        """The qualifier whose configuration covers a version, and what is available of it."""
        with self._lock:
            for (arn, qualifier), pool in self._pools.items():
                if arn == function.arn and pool.function.version == function.version:
                    return qualifier, len(pool.environments)
        return None

    def _retire(self, environments: list[Environment]) -> None:
        for environment in environments:
            self._fleet.retire(environment)

    def _make(self, pool: _Pool) -> None:
        """Have a thread that makes what is missing, one after the other."""
        if not pool.making and len(pool.environments) < pool.requested:
            pool.making = True
            threading.Thread(target=self._fill, args=(pool,), name="provision", daemon=True).start()

    def _fill(self, pool: _Pool) -> None:
        while self._wants(pool):
            environment = self._fleet.new(pool.function, provisioned=True)
            try:
                reason = self._initialise(environment)
            except Exception as error:  # the status is the only place where anyone would see it
                logger.exception("%s could not be provisioned", pool.function.arn)
                reason = f"{type(error).__name__}: {error}"
            with self._lock:
                pool.reason = reason
                kept = not reason and self._wanted(pool)
                if kept:
                    pool.environments.append(environment)
                else:
                    environment.retired = True
                self._fleet.give_back(environment)

    def _wants(self, pool: _Pool) -> bool:
        with self._lock:
            pool.making = self._wanted(pool) and not pool.reason
            return pool.making

    def _wanted(self, pool: _Pool) -> bool:
        current = any(pool is other for other in self._pools.values())
        return current and len(pool.environments) < pool.requested

    def _initialise(self, environment: Environment) -> str:
        """Why an environment failed, or nothing."""
        function = environment.function
        outcome = environment.initialise(
            lambda line: self._write(function, environment.log_stream, line)
        )
        if not outcome.failed:
            return ""
        error = json.loads(outcome.payload)
        return f"FUNCTION_ERROR_INIT_FAILURE: {error['errorType']}: {error['errorMessage']}"

    def _replace(self, environment: Environment) -> None:
        """An environment was lost to a time-out or a crash: make another."""
        with self._lock:
            for pool in self._pools.values():
                if environment in pool.environments:
                    pool.environments.remove(environment)
                    self._make(pool)


def _status(pool: _Pool) -> Status:
    available = len(pool.environments)
    if pool.reason:
        return Status(pool.requested, 0, available, FAILED, pool.reason)
    ready = available >= pool.requested
    return Status(pool.requested, available, available, READY if ready else IN_PROGRESS)
