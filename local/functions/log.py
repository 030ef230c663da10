"""An invocation in CloudWatch Logs: START, what the function printed, END, REPORT."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from local.functions.function import Function, Invocation, Outcome
from local.logs import Logs

TAIL = 4096  # bytes of the log that LogType=Tail answers


class InvocationLog:
    """Writes one invocation's lines and remembers the last of them."""

    def __init__(self, logs: Logs, function: Function, invocation: Invocation) -> None:
        self._function, self._invocation = function, invocation
        self._stream = logs.open(function.log_group, invocation.log_stream)
        self._lines: list[str] = []
        self._closed = False
        self._lock = threading.Lock()

    def take(self, line: str) -> None:
        """Write one line; lines that come after the end are dropped."""
        with self._lock:
            if not self._closed:
                self._stream.write(line)
                self._lines.append(line)

    def run(self, execute: Callable[[], Outcome]) -> Outcome:
        """Perform the invocation between its START and its REPORT."""
        request = f"RequestId: {self._invocation.request_id}"
        self.take(f"START {request} Version: {self._function.version}")
        try:
            outcome = execute()
            self.take(f"END {request}")
            self.take(_report(request, self._function, outcome))
        finally:
            with self._lock:
                self._closed = True
                self._stream.close()
        return outcome

    def tail(self) -> bytes:
        """The last 4 KiB."""
        return "".join(f"{line}\n" for line in self._lines).encode()[-TAIL:]


def _report(request: str, function: Function, outcome: Outcome) -> str:
    parts = [
        f"REPORT {request}",
        f"Duration: {outcome.duration:.2f} ms",
        f"Billed Duration: {math.ceil(outcome.duration)} ms",
        f"Memory Size: {function.memory} MB",
    ]
    if outcome.memory_used is not None:
        parts.append(f"Max Memory Used: {outcome.memory_used} MB")
    parts.append(f"Init Duration: {outcome.init_duration:.2f} ms")
    return "\t".join(parts)
