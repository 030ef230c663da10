"""Open-loop load: requests leave on a schedule, whether or not earlier ones were answered.

A request's latency counts from the time at which it was to leave. So an endpoint that stalls is
charged for all that would have been asked meanwhile, and not only for the request that it held.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Send = Callable[[int], None]  # sends the request of that number; raises what goes wrong
SEED = 7


@dataclass(frozen=True)
class Request:
    """What became of one request; the times are in seconds from the start of the load."""

    due: float
    sent: float
    answered: float
    error: str | None = None

    @property
    def latency(self) -> float:
        return self.answered - self.due

    @property
    def lag(self) -> float:
        """How late it left: all workers waited for answers, or this machine had no time."""
        return self.sent - self.due


def arrivals(rate: float, seconds: float) -> list[float]:
    """When requests are to leave: at random, as callers do, and the same at each call."""
    chance = random.Random(SEED)  # noqa: S311 - no secret
    return sorted(chance.uniform(0, seconds) for _ in range(max(1, round(rate * seconds))))


def hold(
    send: Send,
    times: Sequence[float],
    workers: int,
    patience: float,
    stop: threading.Event | None = None,
) -> list[Request]:
    """Send a request at each of `times`, from `workers` threads, and wait for the answers.

    A request that would leave more than `patience` seconds late is not sent, which is an error:
    the load ends soon after its schedule however slow the answers are. `stop` ends it early.
    """
    line = _Line(times)
    start, stopped = time.monotonic(), stop or threading.Event()

    def work() -> None:
        while (number := line.take()) is not None and not stopped.is_set():
            due = times[number]
            stopped.wait(max(0.0, start + due - time.monotonic()))
            line.done[number] = _perform(send, number, due, start, patience)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException:
        stopped.set()
        raise
    return [line.done[number] for number in sorted(line.done)]


class _Line:
    """Hands out the numbers of the requests in order, and keeps what became of them."""

    def __init__(self, times: Sequence[float]) -> None:
        self._numbers = iter(range(len(times)))
        self._lock = threading.Lock()
        self.done: dict[int, Request] = {}

    def take(self) -> int | None:
        with self._lock:
            return next(self._numbers, None)


def _perform(send: Send, number: int, due: float, start: float, patience: float) -> Request:
    sent, error = time.monotonic() - start, None
    if sent - due > patience:
        return Request(due, sent, sent, f"It could not leave within {patience:g} s.")
    try:
        send(number)
    except Exception as raised:  # noqa: BLE001 - whatever it is, the request was not answered
        error = str(raised) or type(raised).__name__
    return Request(due, sent, time.monotonic() - start, error)
