"""What a host prints: split into lines, handed on at once, its last error remembered."""

from __future__ import annotations

import os
import re
import selectors
from collections.abc import Callable
from typing import IO

CHUNK = 64 * 1024
LONGEST_LINE = 256 * 1024  # bytes; a longer line is cut, as CloudWatch Logs would
AFTERTHOUGHTS = 3  # stderr lines that may follow a traceback which still is the cause

_RANK = re.compile(r"^\[rank\d+\]:\s?")
_TRACEBACK = "Traceback (most recent call last)"


class Lines:
    """Cuts a stream of bytes into lines; a progress bar's carriage returns keep its last state."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        for line in whole:
            self._emit(line)
        if len(self._rest) > LONGEST_LINE:
            self.end()

    def end(self) -> None:
        """The stream has ended: what is left is a line too."""
        if self._rest:
            self._emit(self._rest)
        self._rest = b""

    def _emit(self, line: bytes) -> None:
        text = line.decode("utf-8", errors="replace").rstrip("\r")
        self._take(text.rpartition("\r")[2])


class LastError:
    """Finds, in a stderr read line by line, the line that says why the script ended."""

    def __init__(self) -> None:
        self._exception = ""
        self._last = ""
        self._inside = False
        self._after = 0

    def take(self, line: str) -> None:
        text = _RANK.sub("", line)
        if text.startswith(_TRACEBACK):
            self._inside = True
        elif text.strip() and not text[0].isspace():
            self._take_unindented(text.strip())

    def _take_unindented(self, text: str) -> None:
        self._last = text
        if self._inside:
            self._exception, self._inside, self._after = text, False, 0
        else:
            self._after += 1

    def text(self) -> str:
        """The last traceback's final line, or the last line of all; "" when there was none."""
        if self._exception and self._after <= AFTERTHOUGHTS:
            return self._exception
        return self._last


class HostOutput:
    """Follows one host's two pipes until both end."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self.last_error = LastError()
        self._take = take
        self._stdout = Lines(take)
        self._stderr = Lines(self._take_error)

    def _take_error(self, line: str) -> None:
        self.last_error.take(line)
        self._take(line)

    def follow(self, stdout: IO[bytes], stderr: IO[bytes]) -> None:
        """Read both until their ends, in the order in which output arrives."""
        with selectors.DefaultSelector() as selector:
            selector.register(stderr, selectors.EVENT_READ, self._stderr)
            selector.register(stdout, selectors.EVENT_READ, self._stdout)
            while selector.get_map():
                for key, _ in selector.select():
                    self._read(selector, key)
        stdout.close()
        stderr.close()

    def _read(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        chunk = os.read(key.fd, CHUNK)
        if chunk:
            key.data.feed(chunk)
        else:
            key.data.end()
            selector.unregister(key.fileobj)
