"""Invocations that nobody waits for: a queue with retries, an age limit and destinations.

The queue is in memory: what is in it is lost when the server stops.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Protocol

from local.errors import ApiError
from local.functions import destinations
from local.functions.errors import Throttled
from local.functions.function import Outcome

logger = logging.getLogger(__name__)

RETRIES = 2
LONGEST_AGE = 21_600  # seconds; AWS's own default and limit
# Seconds before the first and the second retry: AWS waits one minute, then two.
DELAYS = (1.0, 2.0)
# Seconds until a throttled event is tried again, doubled each time. AWS goes up to 5 minutes.
FIRST_BACKOFF, LAST_BACKOFF = 0.1, 5.0
AT_ONCE = 64  # events that run at the same time: a flood of them must not take the machine


@dataclass
class Event:
    """An accepted event, and what has become of it so far."""

    arn: str
    payload: bytes
    request_id: str
    client_context: Mapping[str, Any] | None = None
    accepted: float = field(default_factory=time.time)
    attempts: int = 0
    throttled: int = 0
    version: str = ""
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Rules:
    """How events of one version or alias are treated."""

    retries: int = RETRIES
    longest_age: float = LONGEST_AGE
    on_success: str | None = None
    on_failure: str | None = None
    dead_letters: str | None = None
    stopped: bool = False  # nothing may run: no concurrency is left to the function


class Invoker(Protocol):
    """What the queue needs of the functions."""

    def attempt(self, event: Event) -> tuple[str, Outcome]:
        """Run an event; the version that ran and the outcome. Raises ApiError, Throttled too."""
        ...

    def rules(self, event: Event) -> Rules: ...

    def start_by_arn(self, arn: str, payload: bytes) -> None: ...

    def count(self, arn: str, metric: str, value: float = 1.0) -> None: ...


class Queue:
    """Runs events as they become due; a thread for each that runs."""

    def __init__(self, invoker: Invoker, delays: tuple[float, ...] = DELAYS) -> None:
        self._invoker = invoker
        self._delays = delays
        self._waiting: list[tuple[float, int, Event]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._running = 0
        self._thread: threading.Thread | None = None

    def put(self, event: Event, delay: float = 0.0) -> None:
        """Have an event run in `delay` seconds."""
        with self._changed:
            due = time.monotonic() + delay
            heapq.heappush(self._waiting, (due, next(self._order), event))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._dispatch, name="function-events", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def _dispatch(self) -> None:
        while True:
            event = self._next()
            threading.Thread(target=self._run, args=(event,), name="event", daemon=True).start()

    def _next(self) -> Event:
        with self._changed:
            while True:
                left = self._waiting[0][0] - time.monotonic() if self._waiting else 0.0
                if self._waiting and left <= 0 and self._running < AT_ONCE:
                    self._running += 1
                    return heapq.heappop(self._waiting)[2]
                self._changed.wait(left if left > 0 else None)  # else only a change can help

    def _run(self, event: Event) -> None:
        try:
            self._try(event)
        except ApiError as error:
            logger.warning(
                "the event %s for %s was dropped: %s", event.request_id, event.arn, error
            )
            self._invoker.count(event.arn, "AsyncEventsDropped")
        except Exception:  # nobody waits for this thread: the server's log is the only place
            logger.exception("the event %s for %s failed", event.request_id, event.arn)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _try(self, event: Event) -> None:
        rules = self._invoker.rules(event)
        age = time.time() - event.accepted
        if age > rules.longest_age:
            return self._conclude(event, rules, "EventAgeExceeded")
        if rules.stopped:
            return self._conclude(event, rules, "ZeroReservedConcurrency")
        self._invoker.count(event.arn, "AsyncEventAge", 1000 * age)
        try:
            event.version, event.outcome = self._invoker.attempt(event)
        except Throttled:
            return self._put_off(event)
        event.attempts += 1
        if not event.outcome.failed:
            return self._conclude(event, rules, "Success")
        if event.attempts > rules.retries:
            return self._conclude(event, rules, "RetriesExhausted")
        return self.put(event, self._delays[min(event.attempts, len(self._delays)) - 1])

    def _put_off(self, event: Event) -> None:
        delay = min(FIRST_BACKOFF * 2**event.throttled, LAST_BACKOFF)
        event.throttled += 1
        self.put(event, delay)

    def _conclude(self, event: Event, rules: Rules, condition: str) -> None:
        """Tell whom it concerns how an event has ended."""
        success = condition == "Success"
        if not success:
            self._invoker.count(event.arn, "AsyncEventsDropped")
        if not success and rules.dead_letters:
            with self._counting_failure(event, "DeadLetterErrors"):
                message = _error_message(event) or condition
                destinations.bury(rules.dead_letters, event.payload, event.request_id, message)
        to = rules.on_success if success else rules.on_failure
        if to:
            with self._counting_failure(event, "DestinationDeliveryFailures"):
                destinations.deliver(to, record(event, condition), self._invoker.start_by_arn)

    @contextlib.contextmanager
    def _counting_failure(self, event: Event, metric: str) -> Iterator[None]:
        try:
            yield
        except Exception:  # each of moto's services raises its own; one sentence is in the log
            logger.exception(
                "the event %s for %s could not be passed on", event.request_id, event.arn
            )
            self._invoker.count(event.arn, metric)


def record(event: Event, condition: str) -> dict[str, Any]:
    """What a destination is told, in AWS's form."""
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    version = event.version or "$LATEST"
    arn = event.arn if event.arn.count(":") == 7 else f"{event.arn}:{version}"
    told: dict[str, Any] = {
        "version": "1.0",
        "timestamp": now,
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": arn,
            "condition": condition,
            "approximateInvokeCount": event.attempts,
        },
        "requestPayload": json.loads(event.payload),
    }
    if event.outcome:
        context = {"statusCode": 200, "executedVersion": event.version}
        if event.outcome.failed:
            context["functionError"] = "Unhandled"
        told["responseContext"] = context
        told["responsePayload"] = json.loads(event.outcome.payload)
    return told


def _error_message(event: Event) -> str:
    if event.outcome is None or not event.outcome.failed:
        return ""
    return str(json.loads(event.outcome.payload).get("errorMessage", ""))
