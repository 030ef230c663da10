"""The clock of schedules: the wall clock, which may be put forward to see what a later hour does.

It can only go forward, and a restart puts it back to the wall clock. Jobs, endpoints and alarms
keep to the wall clock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from errors import BreedlineError
from local.connection import Connection
from local.private_route import Refused, ask

ROUTE = "/_breedline/clock"


class ClockError(BreedlineError):
    """The clock of the local server could not be put forward."""


class Clock:
    """Seconds since the epoch, plus what was advanced."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._ahead = 0.0
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> float:
        return self._wall() + self._ahead

    def advance(self, seconds: float) -> None:
        """Put the clock forward; returns when every listener has done what is now due."""
        if not 0 <= seconds <= 10 * 366 * 86_400:
            raise ValueError(f"The clock goes forward by 0 to 10 years, not by {seconds} seconds.")
        with self._lock:
            self._ahead += seconds
        for listener in list(self._listeners):
            listener()

    def on_advance(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each advance, in the thread that advances."""
        self._listeners.append(listener)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The private route of the server: advance as asked and tell the time."""
        self.advance(float(request.get("advance_seconds", 0)))
        return {"now": self.now()}


def advance_clock(connection: Connection, seconds: float) -> float:
    """Put the running server's clock forward; returns its new time. Raises ClockError."""
    try:
        answer = ask(connection, ROUTE, {"advance_seconds": seconds})
    except Refused as error:
        raise ClockError(f"The clock was not put forward: {error}") from error
    return float(answer["now"])
