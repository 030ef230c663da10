"""The request to stop: SageMaker's SIGTERM, kept as a flag that the work looks at.

Boundary: signals in, a flag out; who looks at it, and when, is the caller's business.
Run the tests: `pytest tests/steps/test_train.py`.
"""

from __future__ import annotations

import signal
import threading


class Stopped(Exception):
    """The work ended early because it was asked to; nothing is wrong."""


class StopRequest:
    """Set by SIGTERM once `listen` was called; SageMaker kills 120 s after it."""

    def __init__(self) -> None:
        # A plain attribute: a lock inside a signal handler could wait for the thread it stopped.
        self.requested = False

    def listen(self) -> None:
        """Take SIGTERM from now on. Only the main thread can; elsewhere this does nothing."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._receive)

    def _receive(self, number: int, frame: object) -> None:
        self.requested = True
