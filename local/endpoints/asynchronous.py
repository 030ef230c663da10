"""Asynchronous inference: requests wait in a queue, and their answers lie in S3.

An asynchronous endpoint may have no instances: its requests wait until it has.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from local.backend import Backend
from local.endpoints.backlog import BacklogMeasures, Look
from local.endpoints.documents import IN_SERVICE, KIND, UPDATING
from local.endpoints.invocation import Answer, InstanceGone, Invocation, ModelTimedOut, Reply
from local.endpoints.model_error import CONTAINER
from local.endpoints.notices import notify
from local.endpoints.queue import Queue, Queued
from local.endpoints.roles import model_caller
from local.endpoints.submission import Accepted, Submission
from local.errors import ApiError
from local.iam.caller import acting
from local.objects import split_uri

logger = logging.getLogger(__name__)

CONCURRENCY = 4  # requests at once at an instance, unless the configuration says
MOST_ATTEMPTS = 3  # at instances that end meanwhile
MOST_BYTES = 1_073_741_824  # of an object that is to be answered
MICROSECONDS, MILLISECONDS = 1_000_000, 1_000
LATER = {"ServiceUnavailable", "ThrottlingException", "ModelNotReadyException"}
SEE_LOGS = "See the SageMaker Endpoint logs in your account for more information."


class _Failed(Exception):
    """The request has no answer; the message is the reason."""


@dataclass(frozen=True)
class Configured:
    """What an asynchronous endpoint's document says of its requests."""

    config: dict[str, Any]
    variant: str

    @property
    def concurrency(self) -> int:
        client = self.config.get("ClientConfig") or {}
        return int(client.get("MaxConcurrentInvocationsPerInstance", CONCURRENCY))


class Asynchronous:
    """InvokeEndpointAsync.

    `answer` has a container answer an invocation within so many seconds; `instances` tells how many
    an endpoint has that can.
    """

    def __init__(
        self,
        backend: Backend,
        answer: Callable[[Invocation, float], Answer],
        instances: Callable[[str], int],
    ) -> None:
        self._backend = backend
        self._answer, self._instances = answer, instances
        self._queue = Queue(backend.store, backend.now, self._run, self._room)
        self._measures = BacklogMeasures(backend, self._looks)

    def recover(self) -> None:
        """Take up what was waiting when the server stopped, and begin to measure."""
        self._queue.recover()
        self._measures.start()

    def close(self) -> None:
        """Begin nothing more; what waits and runs is taken up by the next server."""
        self._queue.stop()
        self._measures.stop()

    def submit(self, submission: Submission) -> Accepted:
        """Accept a request; raises ApiError when its endpoint takes none."""
        configured = self._check(submission.invocation.endpoint)
        if submission.location:
            _split(submission.location)
        key = str(uuid.uuid4())
        accepted = _accept(configured.config["OutputConfig"], submission, key)
        invocation = replace(submission.invocation, inference_id=accepted.inference_id)
        submission = replace(submission, invocation=invocation)
        self._queue.put(Queued(key, submission, accepted, self._backend.now()))
        return accepted

    def _check(self, endpoint: str) -> Configured:
        document = self._backend.store.find(KIND, endpoint)
        if document is None or document["EndpointStatus"] not in (IN_SERVICE, UPDATING):
            raise ApiError(
                "ValidationError",
                f"Endpoint {endpoint} of account {self._backend.account} not found.",
            )
        configured = _read(document)
        if configured is None:
            raise ApiError(
                "ValidationError", f"Endpoint {endpoint} is not asynchronous: call InvokeEndpoint."
            )
        return configured

    def _configured(self, endpoint: str) -> Configured | None:
        document = self._backend.store.find(KIND, endpoint)
        if document is None or document["EndpointStatus"] not in (IN_SERVICE, UPDATING):
            return None
        return _read(document)

    def _room(self, endpoint: str) -> int | None:
        configured = self._configured(endpoint)
        if configured is None:
            return None
        return configured.concurrency * self._instances(endpoint)

    def _looks(self) -> Iterator[Look]:
        for document in self._backend.store.list(KIND, lambda kept: "AsyncInferenceConfig" in kept):
            name = document["EndpointName"]
            if document["EndpointStatus"] in (IN_SERVICE, UPDATING):
                yield Look(name, self._queue.backlog(name), self._instances(name))

    def _run(self, queued: Queued, expired: bool) -> bool:
        """Answer a request, or give it up; whether it is concluded."""
        configured = self._configured(queued.endpoint)
        if configured is None:
            return True
        with acting(model_caller(self._backend, queued.endpoint)):
            return self._perform(configured, queued, expired)

    def _perform(self, configured: Configured, queued: Queued, expired: bool) -> bool:
        reply: Reply | None = None
        failure = ""
        try:
            if expired:
                raise self._expired(configured, queued)
            self._count(configured, queued, "TimeInBacklog", self._age(queued) * MICROSECONDS)
            reply = self._ask(configured, queued)
            if reply is None:
                return False
            self._keep(configured, queued, reply)
        except _Failed as error:
            failure = str(error)
            self._keep_failure(configured, queued, reply, failure)
        self._conclude(configured, queued, reply, failure)
        return True

    def _expired(self, configured: Configured, queued: Queued) -> _Failed:
        self._count(configured, queued, "ExpiredRequests")
        limit = queued.submission.age_limit
        return _Failed(f"ClientError: The request waited for more than {limit} seconds.")

    def _ask(self, configured: Configured, queued: Queued) -> Reply | None:
        """The container's reply; None when the request must wait for another instance."""
        body = self._input(configured, queued)
        invocation = replace(queued.submission.invocation, body=body)
        limit = queued.submission.time_limit
        try:
            return self._answer(invocation, float(limit)).reply
        except ModelTimedOut as error:
            raise _Failed(
                f"ClientError: {CONTAINER} did not answer within {limit} seconds. {SEE_LOGS}"
            ) from error
        except InstanceGone as error:
            queued.attempts += 1
            if queued.attempts >= MOST_ATTEMPTS:
                raise _Failed(
                    f"ClientError: The instance ended while it had the request, "
                    f"{MOST_ATTEMPTS} times. {SEE_LOGS}"
                ) from error
        except ApiError as error:
            if error.code not in LATER:
                raise _Failed(f"ClientError: {error.message}") from error
        return None

    def _input(self, configured: Configured, queued: Queued) -> bytes:
        location = queued.submission.location
        if not location:
            return queued.submission.invocation.body
        began = time.perf_counter()
        bucket, key = split_uri(location)
        try:
            stored = self._backend.objects.find(bucket, key)
        except ApiError as error:  # what the model's role may not do
            self._count(configured, queued, "RequestDownloadFailures")
            raise _Failed(f"ClientError: {error.message}") from error
        if stored is None or stored.size > MOST_BYTES:
            self._count(configured, queued, "RequestDownloadFailures")
            fault = "does not exist" if stored is None else "is larger than 1 GiB"
            raise _Failed(f"ClientError: The input {location} {fault}.")
        body = stored.path.read_bytes()
        spent = (time.perf_counter() - began) * MICROSECONDS
        self._count(configured, queued, "RequestDownloadLatency", spent, "Microseconds")
        return body

    def _keep(self, configured: Configured, queued: Queued, reply: Reply) -> None:
        """Put the answer where it was promised; raises _Failed when it is none."""
        if not 200 <= reply.status < 300:
            side = "client" if 400 <= reply.status < 500 else "server"
            raise _Failed(
                f"ClientError: Received {side} error ({reply.status}) from {CONTAINER}. {SEE_LOGS}"
            )
        began = time.perf_counter()
        try:
            self._backend.objects.write(*split_uri(queued.accepted.output), reply.body)
        except Exception as error:  # each fault of moto's S3 has a class of its own
            self._count(configured, queued, "ResponseUploadFailures")
            place = queued.accepted.output
            raise _Failed(
                f"ClientError: The answer could not be put to {place}: {error}"
            ) from error
        spent = (time.perf_counter() - began) * MICROSECONDS
        self._count(configured, queued, "ResponseUploadLatency", spent, "Microseconds")

    def _keep_failure(
        self, configured: Configured, queued: Queued, reply: Reply | None, failure: str
    ) -> None:
        """Put what the container said, or else the reason, where failures go."""
        self._count(configured, queued, "InvocationFailures")
        if not queued.accepted.failure:
            return
        said = json.dumps({"message": failure}).encode() if reply is None else reply.body
        try:
            self._backend.objects.write(*split_uri(queued.accepted.failure), said)
        except Exception:
            logger.exception("the failure of the request %s was not kept", queued.key)
            self._count(configured, queued, "ResponseUploadFailures")

    def _conclude(
        self, configured: Configured, queued: Queued, reply: Reply | None, failure: str
    ) -> None:
        backend = self._backend
        self._count(configured, queued, "InvocationsProcessed")
        try:
            notify(configured.config, backend.region, queued, reply, failure, backend.now())
        except Exception:  # moto's own exceptions, among them that there is no such topic
            logger.exception("nobody was told of the request %s", queued.key)
            self._count(configured, queued, "NotificationFailures")
        spent = self._age(queued) * MILLISECONDS
        self._count(configured, queued, "TotalProcessingTime", spent, "Milliseconds")

    def _age(self, queued: Queued) -> float:
        return max(self._backend.now() - queued.received, 0.0)

    def _count(
        self,
        configured: Configured,
        queued: Queued,
        metric: str,
        value: float = 1.0,
        unit: str = "Count",
    ) -> None:
        self._measures.request(queued.endpoint, configured.variant, metric, value, unit)


def _read(document: dict[str, Any]) -> Configured | None:
    config = document.get("AsyncInferenceConfig")
    if config is None:
        return None
    return Configured(config, document["_config"]["ProductionVariants"][0]["VariantName"])


def _split(location: str) -> tuple[str, str]:
    try:
        bucket, key = split_uri(location)
    except ValueError as error:
        raise ApiError("ValidationError", f"InputLocation: {error}") from error
    return bucket, key


def _accept(output: dict[str, Any], submission: Submission, key: str) -> Accepted:
    """The names of what will become of a request."""
    inference_id = submission.invocation.inference_id or str(uuid.uuid4())
    parts = [output["S3OutputPath"].rstrip("/"), submission.extension.strip("/")]
    name = submission.filename or f"{key}.out"
    place = "/".join([*(part for part in parts if part), name])
    failures = output.get("S3FailurePath", "").rstrip("/")
    return Accepted(inference_id, place, f"{failures}/{key}-error.out" if failures else "")
