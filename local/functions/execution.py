"""One process for each invocation: started like a job, killed when its time is up."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from local.functions.function import (
    LARGEST_PAYLOAD,
    Function,
    Invocation,
    Outcome,
    environment,
    failure,
    python_folders,
)
from local.jobs.launcher import PlainProcess, Reaper
from local.jobs.output import HostOutput

_RUNNER = Path(__file__).parent / "inside" / "runner.py"
# Seconds for Python to start and the handler's module to be imported, before the function's own
# time begins. AWS gives 10; a laptop that also trains needs more.
INIT_LIMIT = 30.0
LAST_LINES = 2.0  # seconds in which output may still arrive once the process group is killed
CHUNK = 1 << 16


class ProcessExecutor:
    """Starts a process of this Python for every invocation."""

    def __init__(self, job_environment: Mapping[str, str]) -> None:
        self._job_environment = job_environment
        self._reaper = Reaper()

    def execute(
        self, function: Function, invocation: Invocation, take: Callable[[str], None]
    ) -> Outcome:
        pipe, pipe_end = os.pipe()
        started = time.monotonic()
        try:
            process = self._start(function, invocation, pipe_end)
        except BaseException:
            os.close(pipe)
            raise
        finally:
            os.close(pipe_end)
        output = HostOutput(take)
        reader = threading.Thread(
            target=output.follow, args=(process.stdout, process.stderr), daemon=True
        )
        reader.start()
        report = _Report(pipe, started)
        report.read(function.timeout)
        if report.late or report.lines:
            process.signal(signal.SIGKILL)
        code = process.wait()
        reader.join(LAST_LINES)
        return _outcome(function, invocation, report, code, take)

    def _start(self, function: Function, invocation: Invocation, report: int) -> PlainProcess:
        variables = environment(function, invocation.log_stream, self._job_environment)
        with tempfile.TemporaryFile() as request:
            request.write(_request(function, invocation))
            request.seek(0)
            process = subprocess.Popen(
                [sys.executable, str(_RUNNER), str(report)],
                env=variables,
                cwd=function.code,
                stdin=request,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[report],
                start_new_session=True,
            )
        self._reaper.add(process.pid)
        return PlainProcess(process, self._reaper)


def _request(function: Function, invocation: Invocation) -> bytes:
    """What the runner reads: a line of JSON about the call, then the event."""
    call = {
        "path": python_folders(function),
        "request_id": invocation.request_id,
        "arn": invocation.arn,
        "client_context": invocation.client_context,
        "timeout": function.timeout,
    }
    return json.dumps(call).encode() + b"\n" + invocation.event


@dataclass
class _Report:
    """What comes through the runner's pipe: an empty line once the handler begins, then the answer.

    `late` is the number of seconds that were too few, None when the process was in time.
    """

    pipe: int
    started: float
    begun: float | None = None
    ended: float = 0.0
    late: float | None = None
    lines: bytes = b""

    def read(self, timeout: float) -> None:
        """Read until the answer is whole, the process has ended, or its time is up."""
        buffer = b""
        with os.fdopen(self.pipe, "rb", buffering=0) as pipe:
            while buffer.count(b"\n") < 2:
                allowed = self.started + INIT_LIMIT if self.begun is None else self.begun + timeout
                left = allowed - time.monotonic()
                if not select.select([pipe], [], [], max(left, 0))[0]:
                    self.late = INIT_LIMIT if self.begun is None else timeout
                    break
                chunk = pipe.read(CHUNK)
                if not chunk:
                    break
                self.begun = self.begun or time.monotonic()
                buffer += chunk
        self.ended = time.monotonic()
        head, _, rest = buffer.partition(b"\n")
        self.lines = rest if rest.endswith(b"\n") and not head else b""

    def measured(self) -> dict[str, float]:
        begun = self.begun or self.ended
        return {
            "duration": 1000 * (self.ended - begun),
            "init_duration": 1000 * (begun - self.started),
        }


def _outcome(
    function: Function,
    invocation: Invocation,
    report: _Report,
    code: int,
    take: Callable[[str], None],
) -> Outcome:
    if report.lines:
        return _answered(json.loads(report.lines), report, take)
    prefix = f"RequestId: {invocation.request_id} Error:"
    if report.late is not None:
        words = f"Task timed out after {report.late:.2f} seconds"
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        take(f"{now.replace('+00:00', 'Z')} {invocation.request_id} {words}")
        error = {"errorType": "Sandbox.Timedout", "errorMessage": f"{prefix} {words}"}
        return failure(error, **report.measured())
    message = f"{prefix} {_exit_words(code)}"
    take(message)
    take("Runtime.ExitError")
    error = {"errorType": "Runtime.ExitError", "errorMessage": message}
    return failure(error, **report.measured())


def _answered(answer: dict[str, Any], report: _Report, take: Callable[[str], None]) -> Outcome:
    measured = {**report.measured(), "memory_used": answer["memory_mb"]}
    if "error" in answer:
        take(answer["log"])
        return failure(answer["error"], **measured)
    payload = answer["payload"].encode()
    if len(payload) > LARGEST_PAYLOAD:
        error = {
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": "Response payload size exceeded maximum allowed payload size "
            f"({LARGEST_PAYLOAD} bytes).",
        }
        return failure(error, **measured)
    return Outcome(payload, **measured)


def _exit_words(code: int) -> str:
    if code == 0:
        return "Runtime exited without providing a reason"
    if code == -signal.SIGKILL:
        return "Runtime exited with error: signal: killed"
    reason = f"exit status {code}" if code > 0 else f"signal: {signal.strsignal(-code)}".lower()
    return f"Runtime exited with error: {reason}"
