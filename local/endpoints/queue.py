"""The requests of asynchronous endpoints: durable, in order, a thread for each that runs.

A request stays in the store until it is concluded. After a kill it runs again: at least once, as on
AWS.
"""

from __future__ import annotations

import base64
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from local.endpoints.invocation import Invocation
from local.endpoints.submission import Accepted, Submission
from local.store import Document, NoSuchDocument, Store

logger = logging.getLogger(__name__)
KIND = "AsyncRequest"
LOOK = 0.1  # seconds between looks at the number of instances while requests wait
EXPIRE_EVERY = 1.0  # seconds
PAUSE = 0.3  # seconds before a request that could not run is tried again


@dataclass
class Queued:
    """A request that was accepted; `received` is in seconds since the epoch."""

    key: str
    submission: Submission
    accepted: Accepted
    received: float
    attempts: int = 0

    @property
    def endpoint(self) -> str:
        return self.submission.invocation.endpoint

    @property
    def expires(self) -> float:
        return self.received + self.submission.age_limit


@dataclass
class _Lane:
    """The requests of one endpoint."""

    waiting: deque[Queued] = field(default_factory=deque)
    running: dict[str, Queued] = field(default_factory=dict)
    not_before: float = 0.0  # monotonic


@dataclass(frozen=True)
class Backlog:
    """How much an endpoint has to do, and since when."""

    size: int = 0
    oldest: float | None = None


class Queue:
    """Runs requests as their endpoint has room for them.

    `run` is given a request, and whether it is too old, and tells whether it is concluded; if not,
    it is tried again. `room` tells how many requests of an endpoint may run at once, or None when
    the endpoint is gone: its requests are forgotten.
    """

    def __init__(
        self,
        store: Store,
        now: Callable[[], float],
        run: Callable[[Queued, bool], bool],
        room: Callable[[str], int | None],
    ) -> None:
        self._store, self._now = store, now
        self._run, self._room = run, room
        self._changed = threading.Condition()
        self._lanes: dict[str, _Lane] = {}
        self._thread: threading.Thread | None = None
        self._stopped = False

    def put(self, queued: Queued) -> None:
        """Accept a request: when this returns, it outlives the server."""
        self._store.create(KIND, queued.key, to_document(queued))
        self._enter(queued)

    def recover(self) -> None:
        """Take up the requests that the last server had not concluded."""
        for document in self._store.list(KIND):
            self._enter(from_document(document))

    def stop(self) -> None:
        """Begin no more requests."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def backlog(self, endpoint: str) -> Backlog:
        with self._changed:
            lane = self._lanes.get(endpoint)
            if lane is None:
                return Backlog()
            received = [queued.received for queued in lane.running.values()]
            if lane.waiting:
                received.append(lane.waiting[0].received)
            size = len(lane.waiting) + len(lane.running)
            return Backlog(size, min(received, default=None))

    def _enter(self, queued: Queued) -> None:
        with self._changed:
            self._lanes.setdefault(queued.endpoint, _Lane()).waiting.append(queued)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._dispatch, name="async-requests", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def _dispatch(self) -> None:
        expired = 0.0
        while True:
            with self._changed:
                waiting = [name for name, lane in self._lanes.items() if lane.waiting]
                if self._stopped:
                    return
                if not waiting:
                    self._changed.wait()
                    continue
            if time.monotonic() - expired >= EXPIRE_EVERY:
                expired = time.monotonic()
                self._begin_expired(waiting)
            started = [self._begin(name, self._room_of(name)) for name in waiting]
            if not any(started):
                with self._changed:
                    self._changed.wait(LOOK)

    def _room_of(self, endpoint: str) -> int | None:
        try:
            return self._room(endpoint)
        except Exception:  # one bad endpoint must not stop the requests of all
            logger.exception("the room of %s is not known", endpoint)
            return 0

    def _begin(self, endpoint: str, room: int | None) -> bool:
        """Begin as many requests as there is room for; whether there were any."""
        with self._changed:
            lane = self._lanes[endpoint]
            if room is None:
                gone = self._forget(endpoint)
            elif time.monotonic() < lane.not_before:
                return False
            else:
                free = max(0, room - len(lane.running))
                begun = [lane.waiting.popleft() for _ in range(min(free, len(lane.waiting)))]
                self._launch(lane, begun, expired=False)
                return bool(begun)
        for queued in gone:
            self._remove(queued)
        return False

    def _begin_expired(self, endpoints: list[str]) -> None:
        now = self._now()
        with self._changed:
            for endpoint in endpoints:
                lane = self._lanes[endpoint]
                old = [queued for queued in lane.waiting if queued.expires <= now]
                if old:
                    lane.waiting = deque(q for q in lane.waiting if q.expires > now)
                    self._launch(lane, old, expired=True)

    def _launch(self, lane: _Lane, begun: list[Queued], *, expired: bool) -> None:
        for queued in begun:
            lane.running[queued.key] = queued
            threading.Thread(
                target=self._work, args=(lane, queued, expired), name="async-request", daemon=True
            ).start()

    def _work(self, lane: _Lane, queued: Queued, expired: bool) -> None:
        try:
            concluded = self._run(queued, expired)
        except Exception:  # nobody waits for this thread: the server's log is the only place
            logger.exception("the request %s of %s failed", queued.key, queued.endpoint)
            concluded = True
        if concluded:
            self._remove(queued)
        with self._changed:
            del lane.running[queued.key]
            if not concluded:
                lane.waiting.appendleft(queued)
                lane.not_before = time.monotonic() + PAUSE
            self._changed.notify_all()

    def _forget(self, endpoint: str) -> list[Queued]:
        lane = self._lanes[endpoint]
        gone, lane.waiting = list(lane.waiting), deque()
        return gone

    def _remove(self, queued: Queued) -> None:
        try:
            self._store.delete(KIND, queued.key)
        except NoSuchDocument:
            return


def to_document(queued: Queued) -> Document:
    document: dict[str, Any] = asdict(queued)
    invocation = document["submission"]["invocation"]
    invocation["body"] = base64.b64encode(invocation["body"]).decode()
    return document


def from_document(document: Document) -> Queued:
    submission = dict(document["submission"])
    invocation = dict(submission.pop("invocation"))
    invocation["body"] = base64.b64decode(invocation["body"])
    return Queued(
        key=document["key"],
        submission=Submission(Invocation(**invocation), **submission),
        accepted=Accepted(**document["accepted"]),
        received=document["received"],
    )
