"""A request to stop, which reaches the script that runs and everything that comes after it."""

from __future__ import annotations

import subprocess
import threading


class Interrupted(Exception):
    """The work was asked to stop; the message says by whom."""


class Stop:
    """Remembers the first request and passes it on as SIGTERM."""

    def __init__(self) -> None:
        self.reason = ""
        self._child: subprocess.Popen[str] | None = None
        # Signal handlers run in the thread that may hold it.
        self._lock = threading.RLock()

    def ask(self, reason: str) -> None:
        """End the script that runs; the next one does not begin."""
        with self._lock:
            self.reason = self.reason or reason
            if self._child is not None and self._child.poll() is None:
                self._child.terminate()

    def watch(self, child: subprocess.Popen[str] | None) -> None:
        """The script that runs from now on; None when it has ended."""
        with self._lock:
            self._child = child
            if self.reason and child is not None:
                child.terminate()

    def check(self) -> None:
        """Raises Interrupted when somebody asked."""
        if self.reason:
            raise Interrupted(self.reason)
