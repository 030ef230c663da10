"""The journal: keeps the requests that changed moto, and makes them again when a server starts.

moto forgets everything when its process ends. SageMaker, workflows, functions, objects and logs
of this server keep themselves; for the other services this journal stands before moto. Requests
that are kept are carried out one at a time, so the journal has them in the order in which they
happened, and conditional writes of DynamoDB cannot overtake each other.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from moto.s3 import notifications

from local.gateway import presented_scope
from local.journal import rest
from local.journal.file import Entries, Entry
from local.journal.ids import drawn_from
from local.journal.items import WRITES, item_changes, read_request
from local.journal.keys import Key, Rule, key, parts, split_field
from local.journal.request import Environ, Request, WsgiApp, make_again, perform, take
from local.journal.table import TABLE, rule_of

logger = logging.getLogger(__name__)
REST = {"s3": rest.bucket_setting, "scheduler": rest.schedule}
LONGEST_TURN = 30.0  # seconds; a request that waits for one like it must not stop all others
ANSWERED = re.compile(r"<(\w+)>([^<>]+)</\1>")


class Journal:
    """The journal of one server, in one file."""

    def __init__(self, path: Path) -> None:
        self._entries = Entries(path)
        self._turn = threading.Lock()
        self._numbers = itertools.count(len(self._entries.all()))

    def replay(self, app: WsgiApp) -> None:
        """Make every kept request again, in order.

        One that is refused is tried again after the others, as long as that helps: it may name
        what came later. What is refused in the end stays in the journal.
        """
        with _no_test_events():
            self._replay(app, [entry for _, entry in self._entries.all()])

    def _replay(self, app: WsgiApp, left: list[Entry]) -> None:
        tried = len(left) + 1
        refused: list[tuple[Entry, str]] = []
        while 0 < len(left) < tried:
            tried = len(left)
            refused = [(entry, why) for entry in left if (why := _made_again(app, entry))]
            left = [entry for entry, _ in refused]
        for entry, why in refused:
            logger.info("%s was refused: %s", entry.request.title, why)

    def watch(self, app: WsgiApp) -> WsgiApp:
        """The application, with its successful changes kept before they are answered."""

        def watched(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            service, region = presented_scope(environ)
            if not _may_change(service, environ):
                return app(environ, start_response)
            request = take(environ, service, region)
            if not self._is_kept(request):
                return app(environ, start_response)
            status, headers, body = self._carry_out(app, request, environ)
            start_response(status, headers)
            return [body]

        return watched

    def _is_kept(self, request: Request) -> bool:
        if request.service in REST:
            return REST[request.service](request) is not None
        is_write = request.service == "dynamodb" and request.action in WRITES
        return is_write or rule_of(request.service, request.action).kind != "skip"

    def _carry_out(
        self, app: WsgiApp, request: Request, environ: Environ
    ) -> tuple[str, list[tuple[str, str]], bytes]:
        seed = secrets.randbits(64)
        with self._in_turn():
            with drawn_from(seed):
                status, headers, body = perform(app, environ)
            if status.startswith("2"):
                try:
                    self._keep(app, request, body, seed)
                except Exception:  # the change is made; what is lost is its memory
                    logger.exception("%s could not be kept", request.title)
        return status, headers, body

    @contextlib.contextmanager
    def _in_turn(self) -> Iterator[None]:
        mine = self._turn.acquire(timeout=LONGEST_TURN)
        try:
            yield
        finally:
            if mine:
                self._turn.release()

    def _keep(self, app: WsgiApp, request: Request, body: bytes, seed: int) -> None:
        if request.service in REST:
            found = REST[request.service](request)
            if found is not None:
                self._note(found[0], self._whole(request, found[1]), Entry(request, seed))
        elif request.action in WRITES and request.service == "dynamodb":
            self._keep_items(app, request, seed)
        else:
            self._keep_parts(request, rule_of(request.service, request.action), body, seed)

    def _keep_items(self, app: WsgiApp, request: Request, seed: int) -> None:
        def call(action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
            _, answer = make_again(app, read_request(request, action, parameters))
            found: dict[str, Any] = json.loads(answer)
            return found

        for item_key, put in item_changes(request, call):
            whole = self._whole(request, item_key)
            if put is None:
                self._entries.remove(whole)
            else:
                self._entries.set(whole, Entry(put, seed))

    def _keep_parts(self, request: Request, rule: Rule, body: bytes, seed: int) -> None:
        answer = _answer(body)
        parameters = request.parameters
        if split_field(rule.template) and rule.kind != "remove" and not request.is_json:
            rule = Rule("more")  # a form cannot be taken apart
        for part in parts(rule.template, parameters):
            found = key(rule.template, part, answer) if rule.template else None
            kind = rule.kind if found else "more"
            one = request if part is parameters else request.with_parameters(part)
            if rule.without:
                one = one.with_parameters({k: v for k, v in part.items() if k != rule.without})
            if found and rule.clears:
                self._entries.remove(self._whole(request, (*found, rule.clears)))
            self._note(kind, self._whole(request, found or ()), Entry(one, seed))

    def _note(self, kind: str, whole: Key, entry: Entry) -> None:
        earlier = self._entries.find(whole)
        if kind == "remove":
            self._entries.remove(whole)
        elif kind == "more":
            self._entries.set((*whole, f"#{next(self._numbers)}-{entry.seed:x}"), entry)
        elif earlier is None:
            self._entries.set(whole, entry)
        elif kind != "make":
            request = entry.request
            if kind == "merge":
                fields = {**earlier.request.parameters, **request.parameters}
                request = request.with_parameters(fields)
            self._entries.set(whole, Entry(request, earlier.seed))

    def _whole(self, request: Request, found: Key) -> Key:
        region = "" if request.service in ("iam", "s3") else request.region
        return (request.service, region, *found)


@contextlib.contextmanager
def _no_test_events() -> Iterator[None]:
    """S3 sends a test event when notifications are put; it did so when they were first put."""
    original = notifications.send_test_event
    notifications.send_test_event = lambda account_id, bucket: None
    try:
        yield
    finally:
        notifications.send_test_event = original


def _made_again(app: WsgiApp, entry: Entry) -> str:
    """Why the request was refused; empty when it was not."""
    with drawn_from(entry.seed):
        status, body = make_again(app, entry.request)
    return "" if status < 300 else f"{status} {body[:300].decode(errors='replace')}"


def _may_change(service: str, environ: Environ) -> bool:
    if "HTTP_TRANSFER_ENCODING" in environ:
        return False  # a stream of unknown length; no AWS SDK sends a setting so
    if service == "s3":  # never read the body of an object
        path = str(environ.get("PATH_INFO", "")).strip("/")
        return environ["REQUEST_METHOD"] in ("PUT", "DELETE") and "/" not in path
    return service in TABLE or service in REST


def _answer(body: bytes) -> dict[str, str]:
    """The names and texts in an answer, JSON or XML, however deep."""
    text = body.decode(errors="replace")
    try:
        return _texts(json.loads(text))
    except ValueError:
        return dict(ANSWERED.findall(text))


def _texts(value: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    if isinstance(value, dict):
        for name, inner in value.items():
            found |= {name: inner} if isinstance(inner, str) else _texts(inner)
    return found
