"""The journal's file: JSON lines, each an entry that is set or a key that is removed.

A line is one write, so a killed process loses at most the last one; a line that was cut is left
out when the file is read. The file is rewritten, whole or not at all, when most of it is void.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.journal.keys import Key
from local.journal.request import Request, from_document

logger = logging.getLogger(__name__)
SPARE_LINES = 1000  # void lines that are suffered beside as many as are valid


@dataclass(frozen=True)
class Entry:
    """A kept request and the seed of the ids that it drew."""

    request: Request
    seed: int


class Entries:
    """Entries by key, in the order in which their keys first came, in memory and on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[Key, Entry] = {}
        self._lines = 0
        if path.exists():
            self._read()
        self._rewrite()

    def all(self) -> list[tuple[Key, Entry]]:
        return list(self._entries.items())

    def find(self, key: Key) -> Entry | None:
        return self._entries.get(key)

    def set(self, key: Key, entry: Entry) -> None:
        """Keep an entry; one of the same key is replaced where it stands."""
        self._entries[key] = entry
        self._append(_line(key, entry))

    def remove(self, key: Key) -> None:
        """Forget an entry and all whose key begins with `key`."""
        below = [k for k in self._entries if k[: len(key)] == key]
        for found in below:
            del self._entries[found]
        if below:
            self._append(json.dumps({"remove": key}))

    def _append(self, line: str) -> None:
        # Unbuffered: the line is with the operating system when the request is answered.
        os.write(self._handle, line.encode() + b"\n")
        self._lines += 1
        if self._lines > 2 * len(self._entries) + SPARE_LINES:
            self._rewrite()

    def _read(self) -> None:
        for line in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError):
                logger.warning("a line of %s is not whole and was left out", self._path)

    def _take(self, read: dict[str, Any]) -> None:
        if "remove" in read:
            key = tuple(read["remove"])
            self._entries = {k: e for k, e in self._entries.items() if k[: len(key)] != key}
        else:
            entry = Entry(from_document(read["request"]), read["seed"])
            self._entries[tuple(read["set"])] = entry

    def _rewrite(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", closefd=False) as file:
            file.writelines(_line(key, entry) + "\n" for key, entry in self._entries.items())
        os.fsync(handle)
        part.replace(self._path)
        self._close()
        self._handle = handle  # the same file under its new name: appending goes on in it
        self._lines = len(self._entries)

    def _close(self) -> None:
        if handle := getattr(self, "_handle", None):
            os.close(handle)


def _line(key: Key, entry: Entry) -> str:
    return json.dumps({"set": key, "seed": entry.seed, "request": entry.request.document()})
