"""Invoking functions: an environment within the limits, its log, its metrics, its answer."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from moto.awslambda.models import lambda_backends

from local.backend import Backend
from local.errors import ApiError
from local.functions.asynchronous import DELAYS, LONGEST_AGE, RETRIES, Event, Queue, Rules
from local.functions.code import Code
from local.functions.concurrency import ACCOUNT_LIMIT, Concurrency, Lease, Limits
from local.functions.errors import Throttled
from local.functions.fleet import IDLE, Fleet
from local.functions.function import Function, Invocation, Outcome
from local.functions.log import InvocationLog
from local.functions.lookup import Lookup, Target
from local.functions.measures import Measures
from local.functions.processes import Starter
from local.functions.provisioned import Provisioned
from local.functions.records import Settings, all_settings, settings
from local.iam.caller import acting

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """What a caller is told: the outcome, the version that ran, and the end of its log."""

    request_id: str
    version: str
    outcome: Outcome
    log_tail: bytes


@dataclass(frozen=True)
class Scale:
    """How large and how patient a server's Lambda is; tests make it small."""

    account_limit: int = ACCOUNT_LIMIT
    idle: float = IDLE  # seconds
    retry_delays: tuple[float, ...] = DELAYS
    starter: Starter | None = None


class Functions:
    """The functions of one server. Raises ApiError for functions that are not there or cannot run.

    A function that fails is no exception but an answer, as on AWS.
    """

    def __init__(self, backend: Backend, scale: Scale | None = None) -> None:
        scale = scale or Scale()
        folder = backend.folder / "functions"
        self._backend = backend
        self.account_limit = scale.account_limit
        self._lookup = Lookup(backend.account, backend.region, Code(folder))
        self._fleet = Fleet(folder / "environments", backend.credentials, scale.starter, scale.idle)
        self._concurrency = Concurrency(self._fleet)
        self._measures = Measures(backend)
        self._events = Queue(self, scale.retry_delays)
        self.provisioned = Provisioned(self._fleet, self._write_init)

    def invoke(self, arn: str, payload: Mapping[str, Any]) -> Any:
        """Run a function for a pipeline's Lambda step; raises ApiError when it fails."""
        answer = self.run(self.find(arn), json.dumps(payload).encode())
        result = json.loads(answer.outcome.payload)
        if answer.outcome.failed:
            kind, message = result["errorType"], result["errorMessage"]
            raise ApiError("Unhandled", f"The function {arn} failed with {kind}: {message}")
        return result

    def find(self, name: str, qualifier: str | None = None, region: str | None = None) -> Target:
        """The version for which a name, ARN or partial ARN and a version or alias stand."""
        return self._lookup.find(name, qualifier, region)

    def run(
        self, target: Target, event: bytes, client_context: Mapping[str, Any] | None = None
    ) -> Answer:
        """Invoke and wait for the end; an empty event is `{}`. Raises Throttled."""
        return self._run(target, event or b"{}", str(uuid.uuid4()), client_context)

    def start(
        self, target: Target, event: bytes, client_context: Mapping[str, Any] | None = None
    ) -> str:
        """Invoke without waiting; a failure is tried again. Returns the request's id."""
        request_id = str(uuid.uuid4())
        self._measures.count(target.function.name, "AsyncEventsReceived")
        self._events.put(Event(target.arn, event or b"{}", request_id, client_context))
        return request_id

    def recover(self) -> None:
        """After a start: provide what was configured before the server stopped."""
        for region, backend in list(lambda_backends[self._backend.account].items()):
            for name, kept in all_settings(backend).items():
                self.warm_up()
                for qualifier, config in kept.provisioned.items():
                    self._provide(name, qualifier, region, config["requested"])

    def warm_up(self) -> None:
        """Prepare in the background, so that the first cold start is a short one."""
        self._fleet.warm_up()

    def forget(self, arn: str, version: str | None = None) -> None:
        """A version was changed, or all were deleted: what is warm of it is stale."""
        self._fleet.forget(arn, version)

    def limits(self, name: str, region: str) -> Limits:
        """What a function may use now, beside what others have set aside."""
        every = all_settings(lambda_backends[self._backend.account][region])
        own = settings(lambda_backends[self._backend.account][region], name)
        return Limits(
            own.reserved,
            sum(config["requested"] for config in own.provisioned.values()),
            self.account_limit - sum(set_aside(one) for one in every.values()),
        )

    def close(self) -> None:
        """End every environment that is idle; write down what was measured."""
        self._fleet.close()
        self._measures.close()

    def attempt(self, event: Event) -> tuple[str, Outcome]:
        """Run an asynchronous event with the code that its function has now."""
        target = self._found(event.arn)
        answer = self._run(target, event.payload, event.request_id, event.client_context)
        return answer.version, answer.outcome

    def rules(self, event: Event) -> Rules:
        """How an asynchronous event is treated, as its function is configured now."""
        target = self._found(event.arn)
        function = target.function
        kept = settings(lambda_backends[self._backend.account][function.region], function.name)
        config = kept.event_invoke.get(target.qualifier, {})
        to = config.get("DestinationConfig", {})
        return Rules(
            retries=config.get("MaximumRetryAttempts", RETRIES),
            longest_age=config.get("MaximumEventAgeInSeconds", LONGEST_AGE),
            on_success=to.get("OnSuccess", {}).get("Destination"),
            on_failure=to.get("OnFailure", {}).get("Destination"),
            dead_letters=function.dead_letters,
            stopped=kept.reserved == 0,
        )

    def start_by_arn(self, arn: str, payload: bytes) -> None:
        self.start(self._found(arn), payload)

    def count(self, arn: str, metric: str, value: float = 1.0) -> None:
        self._measures.count(arn.split(":")[6], metric, value)

    def _provide(self, name: str, qualifier: str, region: str, requested: int) -> None:
        try:
            target = self.find(name, qualifier, region)
        except ApiError as error:  # a layer may be gone; the server starts all the same
            logger.warning("%s:%s cannot be provisioned: %s", name, qualifier, error)
        else:
            self.provisioned.put((target.function.arn, qualifier), target.function, requested)

    def _found(self, arn: str) -> Target:
        return self.find(arn, region=arn.split(":")[3])

    def _run(
        self,
        target: Target,
        event: bytes,
        request_id: str,
        client_context: Mapping[str, Any] | None,
    ) -> Answer:
        function = target.function
        try:
            with self._concurrency.lease(
                function, self.limits(function.name, function.region)
            ) as lease:
                stream = lease.environment.log_stream
                invocation = Invocation(request_id, target.arn, event, stream, client_context)
                outcome, tail = self._perform(function, invocation, lease)
        except Throttled:
            self._measures.count(function.name, "Throttles")
            raise
        return Answer(request_id, function.version, outcome, tail)

    def _perform(
        self, function: Function, invocation: Invocation, lease: Lease
    ) -> tuple[Outcome, bytes]:
        self._measures.begun(function, lease, self.provisioned.covering(function))
        log = InvocationLog(self._backend.logs, function, invocation, self._measures.embedded)
        outcome = log.run(lambda: lease.environment.invoke(invocation, log.take))
        self._measures.ended(function, outcome)
        return outcome, log.tail()

    def _write_init(self, function: Function, stream: str, line: str) -> None:
        """A line that a function prints while it is provisioned: no invocation is there yet."""
        with acting(function.caller):
            opened = self._backend.logs.open(function.log_group, stream)
        with closing(opened):
            opened.write(line)


def set_aside(one: Settings) -> int:
    """What one function takes from the concurrency that all others share."""
    if one.reserved is not None:
        return one.reserved
    return sum(config["requested"] for config in one.provisioned.values())
