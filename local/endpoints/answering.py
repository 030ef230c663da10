"""From a request to an answer: the endpoint's traffic, an instance, and what is noted of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from local.endpoints.capture import Capture
from local.endpoints.fleet import Busy, NoInstance
from local.endpoints.invocation import (
    Answer,
    InstanceGone,
    Invocation,
    ModelTimedOut,
    Reply,
    StartFailed,
)
from local.endpoints.measures import Measures
from local.endpoints.traffic import Lease, Traffic
from local.errors import ApiError, validation_error

LONGEST = 60.0  # seconds that a container has for an answer
PATIENCE = 120.0  # seconds that a request waits for an endpoint that comes back after a restart


@dataclass
class Served:
    """An endpoint that answers: its traffic and what its configuration says of answers."""

    traffic: Traffic
    capture: Mapping[str, Any] | None = None
    asynchronous: Mapping[str, Any] | None = None


class Answering:
    """The endpoints that answer, by name; `returning` tells those that are about to."""

    def __init__(
        self,
        account: str,
        measures: Measures,
        capture: Capture,
        returning: Callable[[str], bool],
    ) -> None:
        self._account = account
        self._measures = measures
        self._capture = capture
        self._returning = returning
        self._served: dict[str, Served] = {}
        self._changed = threading.Condition()

    def open(self, name: str, served: Served) -> None:
        """From now on the endpoint answers."""
        with self._changed:
            self._served[name] = served
            self._changed.notify_all()

    def close(self, name: str) -> Served | None:
        """From now on it does not."""
        with self._changed:
            served = self._served.pop(name, None)
            self._changed.notify_all()
            return served

    def find(self, name: str) -> Served | None:
        return self._served.get(name)

    def look_again(self) -> None:
        """Wake the requests that wait for an endpoint which will not come back."""
        with self._changed:
            self._changed.notify_all()

    def answer(self, invocation: Invocation) -> Answer:
        """The answer to a real-time request.

        Raises ApiError, ModelTimedOut or InstanceGone.
        """
        served = self._await(invocation.endpoint)
        if served.asynchronous is not None:
            raise validation_error(
                f"Endpoint {invocation.endpoint} is asynchronous: call InvokeEndpointAsync."
            )
        return self._ask(served, invocation, LONGEST)

    def answer_later(self, invocation: Invocation, seconds: float) -> Answer:
        """The answer to a request out of an asynchronous endpoint's queue."""
        return self._ask(self._await(invocation.endpoint), invocation, seconds)

    def instances(self, name: str) -> int:
        """How many instances of an endpoint answer now."""
        served = self._served.get(name)
        return sum(fleet.size for fleet in served.traffic.serving.fleets.values()) if served else 0

    def _ask(self, served: Served, invocation: Invocation, seconds: float) -> Answer:
        """Have an instance answer, and note how it went."""
        began = time.perf_counter()
        try:
            with served.traffic.lease(invocation.target_variant) as lease:
                reply = self._invoke(served, lease, invocation, seconds, began)
        except NoInstance as error:
            raise ApiError(
                "ServiceUnavailable", f"Endpoint {invocation.endpoint} has no instance now.", 503
            ) from error
        except Busy as error:
            raise ApiError("ThrottlingException", f"Rate exceeded: {error}.", 429) from error
        except StartFailed as error:
            raise ApiError("ModelNotReadyException", str(error), 429) from error
        if served.capture and reply.status < 300:
            self._capture.record(
                served.capture, invocation.endpoint, lease.variant, invocation, reply
            )
        return Answer(reply, lease.variant)

    def _invoke(
        self, served: Served, lease: Lease, invocation: Invocation, seconds: float, began: float
    ) -> Reply:
        asked = time.perf_counter()
        record = partial(
            self._measures.record,
            invocation.endpoint,
            lease.variant,
            lease.instances,
            asynchronous=served.asynchronous is not None,
        )
        try:
            reply = lease.instance.invoke(invocation, seconds)
        except (InstanceGone, ModelTimedOut):
            record(None, time.perf_counter() - asked, 0.0)
            raise
        record(reply.status, reply.seconds, time.perf_counter() - began - reply.seconds)
        return reply

    def _await(self, name: str) -> Served:
        served = self._served.get(name)
        if served is not None:
            return served
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while self._served.get(name) is None and self._returning(name):
                if not self._changed.wait(deadline - time.monotonic()):
                    raise ApiError("ServiceUnavailable", f"Endpoint {name} is starting.", 503)
            served = self._served.get(name)
        if served is None:
            # A runtime does not know an endpoint that has never been in service either.
            message = f"Endpoint {name} of account {self._account} not found."
            raise ApiError("ValidationError", message)
        return served
