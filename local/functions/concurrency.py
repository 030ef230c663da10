"""How many invocations run at the same time: of a function, and of all functions together."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from local.functions.errors import Throttled
from local.functions.execution import Environment
from local.functions.fleet import Fleet
from local.functions.function import Function

ACCOUNT_LIMIT = 1000  # AWS's own default
LEAST_UNRESERVED = 100  # what reservations must leave for all other functions

RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"
ACCOUNT = "ConcurrentInvocationLimitExceeded"


@dataclass(frozen=True)
class Limits:
    """What a function may use: `reserved` for itself, or else its part of `unreserved`.

    `provisioned` environments come out of either: they are set aside for calls of their versions.
    """

    reserved: int | None
    provisioned: int
    unreserved: int

    @property
    def on_demand(self) -> int | None:
        """What a reservation leaves for environments on demand; None without a reservation."""
        return None if self.reserved is None else self.reserved - self.provisioned


@dataclass(frozen=True)
class Lease:
    """An environment for one invocation, and how many run with it.

    `running` counts those of the function, `provisioned` those of the version that have got
    provisioned environments.
    """

    environment: Environment
    running: int
    provisioned: int


class Concurrency:
    """Lends the fleet's environments, within limits."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()  # by a function's ARN
        self._on_demand: Counter[str] = Counter()
        self._provisioned: Counter[tuple[str, str]] = Counter()  # by ARN and version
        self._unreserved = 0

    @contextlib.contextmanager
    def lease(self, function: Function, limits: Limits) -> Iterator[Lease]:
        """An environment for as long as one invocation; raises Throttled."""
        unreserved = limits.reserved is None
        with self._lock:
            environment = self._fleet.take_provisioned(function)
            on_demand = environment is None
            if on_demand:
                self._check(function.arn, limits)
            self._count(function, on_demand, unreserved, 1)
            running = self._running[function.arn]
            provisioned = self._provisioned[function.arn, function.version]
        environment = environment or self._fleet.take(function)
        try:
            yield Lease(environment, running, provisioned)
        finally:
            self._fleet.give_back(environment)
            with self._lock:
                self._count(function, on_demand, unreserved, -1)

    def _count(self, function: Function, on_demand: bool, unreserved: bool, one: int) -> None:
        self._running[function.arn] += one
        if on_demand:
            self._on_demand[function.arn] += one
            self._unreserved += one * unreserved
        else:
            self._provisioned[function.arn, function.version] += one

    def _check(self, arn: str, limits: Limits) -> None:
        if limits.on_demand is not None:
            if self._on_demand[arn] >= limits.on_demand:
                raise Throttled(RESERVED)
        elif self._unreserved >= limits.unreserved:
            raise Throttled(ACCOUNT)
