"""Durable documents by (kind, name): the embedded AWS's memory of SageMaker's resources.

A document is the resource's Describe… answer, plus private keys that begin with an underscore.
Every change is one SQLite transaction, so a killed server forgets nothing, and every change wakes
whoever waits for it.
"""

from __future__ import annotations

import copy
import json
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Document = dict[str, Any]

SCHEMA = """
create table if not exists documents (
    position integer primary key autoincrement,
    kind text not null,
    name text not null,
    body text not null,
    unique (kind, name)
)
"""


class DocumentExists(Exception):
    """A document of this kind and name is there already."""


class NoSuchDocument(KeyError):
    """No document of this kind and name."""


class Store:
    """Documents in one SQLite file, with all of them in memory for reading.

    Safe for threads of one process. Documents handed out are copies: change them with `update`.
    """

    def __init__(self, path: Path) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("pragma journal_mode = wal")
        self._database.execute(SCHEMA)
        self._kinds: dict[str, dict[str, Document]] = {}
        rows = self._database.execute("select kind, name, body from documents order by position")
        for kind, name, body in rows:
            self._kinds.setdefault(kind, {})[name] = json.loads(body)

    def create(self, kind: str, name: str, document: Document) -> None:
        """Add a document; raises DocumentExists when the name is taken."""
        with self._changed:
            documents = self._kinds.setdefault(kind, {})
            if name in documents:
                raise DocumentExists(f"{kind} {name} exists already")
            self._database.execute(
                "insert into documents (kind, name, body) values (?, ?, ?)",
                (kind, name, json.dumps(document)),
            )
            documents[name] = copy.deepcopy(document)
            self._changed.notify_all()

    def find(self, kind: str, name: str) -> Document | None:
        """The document, or None."""
        with self._changed:
            document = self._kinds.get(kind, {}).get(name)
            return copy.deepcopy(document) if document is not None else None

    def get(self, kind: str, name: str) -> Document:
        """The document; raises NoSuchDocument."""
        document = self.find(kind, name)
        if document is None:
            raise NoSuchDocument(f"{kind} {name}")
        return document

    def update(self, kind: str, name: str, change: Callable[[Document], None]) -> Document:
        """Apply `change` to the document in place, as one atomic step; returns the new state.

        When `change` raises, nothing is written. Raises NoSuchDocument.
        """
        with self._changed:
            document = self.get(kind, name)
            change(document)
            self._database.execute(
                "update documents set body = ? where kind = ? and name = ?",
                (json.dumps(document), kind, name),
            )
            self._kinds[kind][name] = document
            self._changed.notify_all()
            return copy.deepcopy(document)

    def set(self, kind: str, name: str, **fields: Any) -> Document:
        """Set some top-level fields; raises NoSuchDocument."""
        return self.update(kind, name, lambda document: document.update(fields))

    def list(
        self, kind: str, where: Callable[[Document], bool] = lambda document: True
    ) -> list[Document]:
        """All documents of a kind that `where` accepts, in order of creation."""
        with self._changed:
            chosen = [d for d in self._kinds.get(kind, {}).values() if where(d)]
            return copy.deepcopy(chosen)

    def delete(self, kind: str, name: str) -> None:
        """Remove a document; raises NoSuchDocument."""
        with self._changed:
            if self._kinds.get(kind, {}).pop(name, None) is None:
                raise NoSuchDocument(f"{kind} {name}")
            self._database.execute(
                "delete from documents where kind = ? and name = ?", (kind, name)
            )
            self._changed.notify_all()

    def wait(
        self,
        kind: str,
        name: str,
        until: Callable[[Document], bool],
        timeout: float | None = None,
    ) -> Document:
        """Block until the document satisfies `until`; returns it.

        `timeout` is in seconds; raises TimeoutError after it, NoSuchDocument when it goes away.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while not until(document := self.get(kind, name)):
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError(f"{kind} {name} did not get there in {timeout} s")
                self._changed.wait(left)
            return document

    def close(self) -> None:
        """Flush and close the file."""
        with self._changed:
            self._database.close()


def public(document: Document) -> Document:
    """The document as a client may see it: without its private keys."""
    return {key: value for key, value in document.items() if not key.startswith("_")}
