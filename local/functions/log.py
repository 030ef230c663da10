"""An invocation in CloudWatch Logs: START, what the function printed, END, REPORT."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from local.functions.function import Function, Invocation, Outcome
from local.iam.caller import acting
from local.logs import Logs

TAIL = 4096  # bytes of the log that LogType=Tail answers


class InvocationLog:
    """Writes one invocation's lines and remembers the last of them.

    `notice` is given each line that the function prints, before it is written.
    """

    def __init__(
        self,
        logs: Logs,
        function: Function,
        invocation: Invocation,
        notice: Callable[[str], None],
    ) -> None:
        self._function, self._invocation = function, invocation
        with acting(function.caller):
            self._stream = logs.open(function.log_group, invocation.log_stream)
        self._notice = notice
        self._lines: deque[str] = deque()
        self._bytes = 0

    def take(self, line: str) -> None:
        """Write one line that the function has printed."""
        self._notice(line)
        self._write(line)

    def run(self, execute: Callable[[], Outcome]) -> Outcome:
        """Perform the invocation between its START and its REPORT."""
        request = f"RequestId: {self._invocation.request_id}"
        try:
            self._write(f"START {request} Version: {self._function.version}")
            outcome = execute()
            self._write(f"END {request}")
            self._write(_report(request, self._function, outcome))
        finally:
            self._stream.close()
        return outcome

    def tail(self) -> bytes:
        """The last 4 KiB."""
        return "".join(f"{line}\n" for line in self._lines).encode()[-TAIL:]

    def _write(self, line: str) -> None:
        self._stream.write(line)
        self._lines.append(line)
        self._bytes += len(line)
        while self._bytes - len(self._lines[0]) > TAIL:
            self._bytes -= len(self._lines.popleft())


def _report(request: str, function: Function, outcome: Outcome) -> str:
    init = outcome.init_duration
    parts = [
        f"REPORT {request}",
        f"Duration: {outcome.duration:.2f} ms",
        f"Billed Duration: {math.ceil(outcome.duration + (init or 0))} ms",
        f"Memory Size: {function.memory} MB",
    ]
    if outcome.memory_used is not None:
        parts.append(f"Max Memory Used: {outcome.memory_used} MB")
    if init is not None:
        parts.append(f"Init Duration: {init:.2f} ms")
    if outcome.status:
        parts.append(f"Status: {outcome.status}")
    return "\t".join(parts)
