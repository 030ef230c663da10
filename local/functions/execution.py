"""An execution environment: one process that loads a handler once and serves call after call."""

from __future__ import annotations

import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from local.functions.channel import Channel, Message, Stop, Take
from local.functions.function import (
    LARGEST_PAYLOAD,
    Function,
    Invocation,
    Outcome,
    failure,
    python_folders,
    variables_of,
)
from local.functions.processes import Start, Started, Starter
from local.iam.credentials import Credentials

# Seconds for the handler's module to be imported, before the function's own time begins. AWS gives
# 10; a laptop that also trains needs more.
INIT_LIMIT = 30.0
ON_DEMAND, PROVISIONED = "on-demand", "provisioned-concurrency"


@dataclass(frozen=True)
class Place:
    """What environments share: what starts their processes, their credentials, their folder."""

    starter: Starter
    credentials: Credentials
    folder: Path


class Environment:
    """One environment of one version of a function; one thread at a time uses it.

    `on_exit` is called with it when its process has ended, for whatever reason.
    """

    def __init__(
        self,
        function: Function,
        log_stream: str,
        initialization: str,
        place: Place,
        on_exit: Callable[[Environment], None],
    ) -> None:
        self.function = function
        self.log_stream = log_stream
        self.provisioned = initialization == PROVISIONED
        self.idle_since = 0.0
        self.retired = False  # it serves nothing new
        self._initialization = initialization
        self._place = place
        self._on_exit = on_exit
        self._ending = threading.Lock()
        self._channel: Channel | None = None
        self._folder: Path | None = None
        self._ready = False
        self._over = False  # what it ran has ended it

    def alive(self) -> bool:
        """Whether it can serve: its process runs, or has not been needed yet."""
        return not self._over and (self._channel is None or self._channel.alive())

    def invoke(self, invocation: Invocation, take: Take) -> Outcome:
        """One invocation; a cold environment is initialised first."""
        init: float | None = None
        if not self._ready:
            begun = self.initialise(take, invocation.request_id)
            if begun.failed:
                return begun
            init = begun.init_duration
        return replace(self._call(invocation, take), init_duration=init)

    def initialise(self, take: Take, request_id: str = "") -> Outcome:
        """Start the process and load the handler; a failed one has ended and is of no more use."""
        begun = time.monotonic()
        self._channel = channel = Channel(self._start(), lambda: self._on_exit(self))
        channel.send(Message({"path": python_folders(self.function)}), begun + INIT_LIMIT)
        come = channel.receive(begun + INIT_LIMIT, self._limit_kb, take)
        took = 1000 * (time.monotonic() - begun)
        if isinstance(come, Message) and "error" not in come.head:
            self._ready = True
            return Outcome(b"", init_duration=took)
        outcome = self._outcome(come, INIT_LIMIT, request_id, take)
        self._over = True
        channel.kill()
        return replace(outcome, init_duration=took)

    def end(self) -> None:
        """Kill what runs and remove what it has left; nothing may use the environment."""
        with self._ending:
            if self._channel:
                self._channel.close()
            if self._folder:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None

    def _start(self) -> Started:
        self._place.folder.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(dir=self._place.folder))
        own = self._place.credentials.environment_of(self.function.caller)
        variables = variables_of(self.function, self.log_stream, self._initialization, own)
        start = Start(
            {**variables, "TMPDIR": str(self._folder)},
            self.function.code,
            python_folders(self.function),
        )
        return self._place.starter.start(start)

    def _call(self, invocation: Invocation, take: Take) -> Outcome:
        assert self._channel  # noqa: S101 - it is ready
        call = {
            "request_id": invocation.request_id,
            "arn": invocation.arn,
            "client_context": invocation.client_context,
            "timeout": self.function.timeout,
        }
        begun = time.monotonic()
        ends = begun + self.function.timeout
        self._channel.send(Message(call, invocation.event), ends)
        come = self._channel.receive(ends, self._limit_kb, take)
        took = 1000 * (time.monotonic() - begun)
        self._over = isinstance(come, Stop)
        outcome = self._outcome(come, self.function.timeout, invocation.request_id, take)
        return replace(outcome, duration=took)

    @property
    def _limit_kb(self) -> int:
        return self.function.memory * 1024

    def _outcome(self, come: Message | Stop, limit: float, request_id: str, take: Take) -> Outcome:
        assert self._channel  # noqa: S101 - something came from it
        used = min(-(-self._channel.peak_kb // 1024), self.function.memory)
        if isinstance(come, Message):
            outcome = _answered(come, request_id, take)
        elif come is Stop.LATE:
            outcome = _late(limit, request_id, take)
        else:
            killed = come is Stop.MEMORY
            code = -signal.SIGKILL if killed else self._channel.exit_code()
            outcome = _ended(code, request_id, take)
        return replace(outcome, memory_used=used or None)


def _answered(message: Message, request_id: str, take: Take) -> Outcome:
    if "error" in message.head:
        take(message.head["log"])
        return failure({**message.head["error"], "requestId": request_id})
    if len(message.body) > LARGEST_PAYLOAD:
        error = {
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": "Response payload size exceeded maximum allowed payload size "
            f"({LARGEST_PAYLOAD} bytes).",
        }
        return failure(error)
    return Outcome(message.body)


def _late(limit: float, request_id: str, take: Take) -> Outcome:
    words = f"Task timed out after {limit:.2f} seconds"
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    take(f"{now.replace('+00:00', 'Z')} {request_id} {words}")
    message = f"RequestId: {request_id} Error: {words}"
    error = {"errorType": "Sandbox.Timedout", "errorMessage": message}
    return failure(error, status="timeout")


def _ended(code: int, request_id: str, take: Take) -> Outcome:
    message = f"RequestId: {request_id} Error: {_exit_words(code)}"
    take(message)
    take("Runtime.ExitError")
    error = {"errorType": "Runtime.ExitError", "errorMessage": message}
    return failure(error, status="error\tError Type: Runtime.ExitError")


def _exit_words(code: int) -> str:
    if code == 0:
        return "Runtime exited without providing a reason"
    if code == -signal.SIGKILL:
        return "Runtime exited with error: signal: killed"
    reason = f"exit status {code}" if code > 0 else f"signal: {signal.strsignal(-code)}".lower()
    return f"Runtime exited with error: {reason}"
