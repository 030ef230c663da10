"""The documents of one kind of job: creation, status changes and their events, stop, recovery."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.backend import Action, Backend
from local.errors import in_use, not_found, validation_error
from local.jobs.failure import JobFailure, internal_error
from local.listing import Listing
from local.store import Document, DocumentExists, public

ACTIVE = ("InProgress", "Stopping")
LOOK = 0.2  # seconds between two looks at the limits of a job that waits


@dataclass(frozen=True)
class Kind:
    """What tells one kind of job from another in SageMaker's API.

    `name` is the Store's kind and the stem of the API's keys, `prefix` that of the start and end
    times (`TrainingStartTime`), `resource` the ARN's type, `words` the kind in a sentence.
    """

    name: str
    prefix: str
    resource: str
    words: str
    can_be_deleted: bool = True

    @property
    def name_key(self) -> str:
        return f"{self.name}Name"

    @property
    def arn_key(self) -> str:
        return f"{self.name}Arn"

    @property
    def status_key(self) -> str:
        return f"{self.name}Status"

    @property
    def end_key(self) -> str:
        return f"{self.prefix}EndTime"

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/{self.name}s"

    @property
    def event(self) -> str:
        return f"SageMaker {self.prefix} Job State Change"


class Control:
    """How a running job hears what happens: its hosts' ends, and that it is to stop or pause."""

    def __init__(self) -> None:
        self.happenings: queue.SimpleQueue[tuple[str, int] | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._back: float | None = None

    def stop(self) -> None:
        self._stop.set()
        self.happenings.put(None)

    def stopped(self) -> bool:
        return self._stop.is_set()

    def interrupt(self, back: float) -> None:
        """Spot capacity goes away, until the time `back`."""
        self._back = back
        self.happenings.put(None)

    def interrupted(self) -> bool:
        return self._back is not None

    def asked(self) -> str:
        """What the hosts are to end for, as their outcome says it; "" while they may run."""
        if self.stopped():
            return "Stopped"
        return "Interrupted" if self.interrupted() else ""

    def await_capacity(self, gave_up: Callable[[], bool]) -> bool:
        """Wait until spot capacity is back; False when `gave_up()` first."""
        while (left := (self._back or 0) - time.time()) > 0:
            if gave_up():
                return False
            with contextlib.suppress(queue.Empty):
                self.happenings.get(timeout=min(left, LOOK))
        self._back = None
        return True


class JobTable:
    """All jobs of one kind: their documents, and the controls of those that run."""

    def __init__(self, backend: Backend, kind: Kind) -> None:
        self.backend = backend
        self.kind = kind
        self._controls: dict[str, Control] = {}

    def create(self, document: Document, tags: list[dict[str, str]] | None) -> str:
        """Add a job (InProgress, created now); returns its ARN. Raises ResourceInUse."""
        name = document[self.kind.name_key]
        arn = self.backend.arn(f"{self.kind.resource}/{name}")
        now = self.backend.now()
        times = {"CreationTime": now, "LastModifiedTime": now}
        status = {self.kind.arn_key: arn, self.kind.status_key: "InProgress"}
        try:
            self.backend.store.create(self.kind.name, name, {**document, **status, **times})
        except DocumentExists as error:
            raise in_use(f"There is already a {self.kind.words} named '{name}'.") from error
        self.backend.tags.attach(arn, tags)
        self._announce(self.backend.store.get(self.kind.name, name))
        return arn

    def control(self, name: str) -> Control:
        return self._controls.setdefault(name, Control())

    def find(self, name: str) -> Document:
        """The job's document; raises ResourceNotFound."""
        document = self.backend.store.find(self.kind.name, name)
        if document is None:
            raise not_found(f"There is no {self.kind.words} named '{name}'.")
        return document

    def update(self, name: str, change: Callable[[Document], None]) -> Document:
        """Change the document, stamp it, and send the state change event."""

        def stamped(document: Document) -> None:
            change(document)
            document["LastModifiedTime"] = self.backend.now()

        document = self.backend.store.update(self.kind.name, name, stamped)
        self._announce(document)
        return document

    def set_quietly(self, name: str, **fields: Any) -> None:
        """Set fields that are no change of state: no event, no new LastModifiedTime."""
        self.backend.store.set(self.kind.name, name, **fields)

    def actions(
        self,
        create: Action,
        listing: Listing,
        stopping: Callable[[Document], None] = lambda document: None,
    ) -> dict[str, Action]:
        """The API's actions on this kind; `stopping` adds to what Stop… changes."""
        name = self.kind.name
        actions: dict[str, Action] = {
            f"Create{name}": create,
            f"Describe{name}": lambda request: public(self.find(request[self.kind.name_key])),
            f"List{name}s": lambda request: listing.respond(self.backend.store.list(name), request),
            f"Stop{name}": lambda request: self._stop(request[self.kind.name_key], stopping),
        }
        if self.kind.can_be_deleted:
            actions[f"Delete{name}"] = self._delete
        return actions

    def fail_interrupted(self, conclude: Callable[[Document, JobFailure], None]) -> None:
        """Fail what was running when the server last stopped."""
        active = self.backend.store.list(
            self.kind.name, lambda document: document[self.kind.status_key] in ACTIVE
        )
        for document in active:
            name = document[self.kind.name_key]
            failure = internal_error(f"the local server stopped while {name} ran.")
            self.update(name, _concluding(conclude, failure))

    def _stop(self, name: str, change: Callable[[Document], None]) -> dict[str, Any]:
        """Mark a running job Stopping and tell its run; a second request changes nothing."""
        status = self.find(name)[self.kind.status_key]
        if status not in ACTIVE:
            raise validation_error(
                f"The {self.kind.words} '{name}' cannot be stopped: its status is {status}."
            )

        def mark(document: Document) -> None:
            if document[self.kind.status_key] == "InProgress":
                document[self.kind.status_key] = "Stopping"
                change(document)

        self.update(name, mark)
        self.control(name).stop()
        return {}

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        """Forget a job that has ended."""
        name = request[self.kind.name_key]
        document = self.find(name)
        if document[self.kind.status_key] in ACTIVE:
            raise in_use(f"The {self.kind.words} '{name}' still runs; stop it first.")
        self.backend.store.delete(self.kind.name, name)
        self.backend.tags.remove_all(document[self.kind.arn_key])
        self._controls.pop(name, None)
        return {}

    def forget_control(self, name: str) -> None:
        self._controls.pop(name, None)

    def _announce(self, document: Document) -> None:
        arn = document[self.kind.arn_key]
        detail = event_times(public(document)) | {"Tags": self.backend.tags.of(arn)}
        self.backend.events.emit(self.kind.event, detail, [arn])


def _concluding(
    conclude: Callable[[Document, JobFailure], None], failure: JobFailure
) -> Callable[[Document], None]:
    return lambda document: conclude(document, failure)


def conclude(
    kind: Kind, document: Document, ended: str, failure: JobFailure | None, now: float
) -> None:
    """The last status: Completed, Failed with its reason, Stopped by request or by a limit."""
    document[kind.status_key] = "Failed" if failure else "Stopped" if ended else "Completed"
    document[kind.end_key] = now
    if failure:
        document["FailureReason"] = str(failure)


def event_times(value: Any) -> Any:
    """The document with its times in whole milliseconds, as SageMaker's events carry them."""
    if isinstance(value, list):
        return [event_times(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: int(item * 1000)
        if key.endswith("Time") and isinstance(item, float)
        else event_times(item)
        for key, item in value.items()
    }
