"""Deliveries on their way: a few threads, retries with growing waits, dead letters.

Whoever sends an event never waits for its targets nor hears of their faults. A delivery is
written down before it is tried and struck out when it ended, so a killed server goes on with it:
each event is delivered at least once, as on AWS, perhaps twice.
"""

from __future__ import annotations

import heapq
import itertools
import json
import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from local.events.delivery import Delivery, DeliveryError, as_delivery_error
from local.events.services import Services
from local.events.targets import parse_arn, send_to_queue
from local.metrics import Metrics
from local.store import DocumentExists, NoSuchDocument, Store

logger = logging.getLogger(__name__)
KIND = "EventDelivery"
WORKERS = 8
FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0  # seconds before the second try, and at most
RETRIES, AGE = "MaximumRetryAttempts", "MaximumEventAgeInSeconds"
Send = Callable[[Delivery], None]


@dataclass(order=True)
class _Try:
    """One try of a delivery that falls due at a time of the monotonic clock."""

    due: float
    order: int
    delivery: Delivery
    number: int = 1


class Deliveries:
    """The queue of deliveries and the threads that work on it; they start with the first one."""

    def __init__(
        self,
        send: Send,
        dead_letters: Callable[[Delivery, DeliveryError, int, str], None],
        store: Store,
        metrics: Metrics,
        first_wait: float = FIRST_WAIT,
    ) -> None:
        self._send = send
        self._dead_letters = dead_letters
        self._store = store
        self._metrics = metrics
        self._first_wait = first_wait
        self._tries: list[_Try] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._started = False
        self._closed = False

    def submit(self, delivery: Delivery) -> None:
        """Deliver soon; returns at once."""
        try:
            self._store.create(KIND, delivery.id, delivery.document())
        except DocumentExists:
            return  # it is on its way
        self._enter(delivery)

    def recover(self) -> None:
        """Go on with what was on its way when the last server ended."""
        for document in self._store.list(KIND):
            self._enter(Delivery(**document))

    def close(self) -> None:
        """Let the threads end; what is on its way stays written down."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _enter(self, delivery: Delivery, number: int = 1, wait: float = 0.0) -> None:
        with self._changed:
            due = time.monotonic() + wait
            heapq.heappush(self._tries, _Try(due, next(self._order), delivery, number))
            self._start()
            self._changed.notify()

    def _start(self) -> None:
        if not self._started:
            self._started = True
            for index in range(WORKERS):
                name = f"event-delivery-{index}"
                threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        while (attempt := self._next()) is not None:
            try:
                self._attempt(attempt.delivery, attempt.number)
            except Exception:  # the thread must outlive any fault of one delivery
                logger.exception("the delivery to %s broke", attempt.delivery.target.get("Arn"))

    def _next(self) -> _Try | None:
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                if self._tries and self._tries[0].due <= now:
                    return heapq.heappop(self._tries)
                self._changed.wait(self._tries[0].due - now if self._tries else None)
            return None

    def _attempt(self, delivery: Delivery, number: int) -> None:
        try:
            self._send(delivery)
        except Exception as raised:  # noqa: BLE001 - any fault of a target is a failed try
            self._failed(delivery, number, as_delivery_error(raised))
        else:
            self._count(delivery, "Invocations")
            self._end(delivery)

    def _failed(self, delivery: Delivery, number: int, error: DeliveryError) -> None:
        wait = self._wait(number)
        exhausted = self._exhausted(delivery, number, wait)
        if error.final or exhausted:
            self._give_up(delivery, number, error, "" if error.final else exhausted)
        else:
            self._count(delivery, "RetryInvocationAttempts")
            self._enter(delivery, number + 1, wait)

    def _wait(self, number: int) -> float:
        """Seconds until the next try: doubled each time, with jitter."""
        longest = min(self._first_wait * 2.0 ** (number - 1), LONGEST_WAIT)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret

    def _exhausted(self, delivery: Delivery, number: int, wait: float) -> str:
        if number > delivery.retries:
            return RETRIES
        return AGE if time.time() + wait - delivery.accepted > delivery.longest_age else ""

    def _give_up(
        self, delivery: Delivery, number: int, error: DeliveryError, exhausted: str
    ) -> None:
        logger.warning(
            "the event %s (%s) was not delivered to %s: %s: %s",
            *(delivery.event["id"], delivery.event["detail-type"], delivery.target["Arn"]),
            *(error.code, error.message),
        )
        self._count(delivery, "Invocations")
        self._count(delivery, "FailedInvocations")
        if delivery.dead_letter_queue:
            self._bury(delivery, number, error, exhausted)
        self._end(delivery)

    def _bury(self, delivery: Delivery, number: int, error: DeliveryError, exhausted: str) -> None:
        try:
            self._dead_letters(delivery, error, number - 1, exhausted)
            self._count(delivery, "InvocationsSentToDlq")
        except Exception as raised:  # noqa: BLE001 - any fault of the queue loses the event, as on AWS
            self._count(delivery, "InvocationsFailedToBeSentToDlq")
            logger.warning(
                "the event %s was lost: its dead-letter queue %s took it not: %s",
                *(delivery.event["id"], delivery.dead_letter_queue, raised),
            )

    def _end(self, delivery: Delivery) -> None:
        try:
            self._store.delete(KIND, delivery.id)
        except NoSuchDocument:
            logger.warning("the delivery %s had ended before", delivery.id)

    def _count(self, delivery: Delivery, metric: str) -> None:
        if delivery.by_schedule:
            return
        dimensions = {"RuleName": delivery.rule_name}
        self._metrics.put("AWS/Events", metric, 1.0, dimensions, time.time(), "Count")


def dead_letters(services: Services) -> Callable[[Delivery, DeliveryError, int, str], None]:
    """Puts an undelivered event into its queue, with the attributes that AWS documents."""

    def bury(delivery: Delivery, error: DeliveryError, retries: int, exhausted: str) -> None:
        attributes = _sender(delivery) | {
            "TARGET_ARN": delivery.target["Arn"],
            "ERROR_CODE": error.code,
            "ERROR_MESSAGE": error.message,
            "RETRY_ATTEMPTS": str(retries),
        }
        if exhausted:
            attributes["EXHAUSTED_RETRY_CONDITION"] = exhausted
        message = {
            "MessageBody": json.dumps(delivery.event),
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": text or "-"}
                for name, text in attributes.items()
            },
        }
        send_to_queue(services, delivery, parse_arn(delivery.dead_letter_queue), message)

    return bury


def _sender(delivery: Delivery) -> dict[str, str]:
    if not delivery.by_schedule:
        return {"RULE_ARN": delivery.source_arn}
    return {
        "SCHEDULE_ARN": delivery.source_arn,
        "SCHEDULED_TIME": delivery.event["time"],
        "EXECUTION_ID": delivery.event["id"],
        "IS_PAYLOAD_TRUNCATED": "false",
    }
