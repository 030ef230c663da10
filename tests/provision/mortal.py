"""Clients that die in the middle of what a command does, and accounts that a test may spoil."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from typing import Any

from provision.change import Clients

READING = ("describe", "list", "get", "head", "can")


class Killed(BaseException):
    """The command died."""


class Mortal:
    """Clients that die after so many calls that change something."""

    def __init__(self, clients: Clients, calls: float = float("inf")) -> None:
        self._clients, self._left, self.made = clients, calls, 0

    def clients(self) -> Clients:
        return Clients(lambda service: Guarded(self._clients(service), self), lambda _: None)

    def count(self) -> None:
        self.made += 1
        if self.made > self._left:
            raise Killed


class Guarded:
    def __init__(self, client: Any, mortal: Mortal) -> None:
        self._client, self._mortal = client, mortal

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if name.startswith(READING) or not callable(found):
            return found

        def call(**request: Any) -> Any:
            self._mortal.count()
            return found(**request)

        return call


def in_a_fork(test: Callable[[], Any]) -> Any:
    """What `test` returns, run in a copy of this process and of the account in its memory."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = json.dumps(test())
        except BaseException:  # noqa: BLE001 - the parent shows it
            answer = json.dumps(traceback.format_exc())
        os.write(writing, answer.encode()[:60_000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        answer = told.read()
    os.waitpid(child, 0)
    return json.loads(answer)
