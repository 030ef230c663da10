"""The server's side of one process: messages in and out, what it prints, its memory, its end."""

from __future__ import annotations

import contextlib
import enum
import json
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.functions.memory import resident_kb
from local.functions.processes import Started
from local.jobs.output import Lines

LAST_LINES = 2.0  # seconds in which output may still arrive once the processes are killed
LOOK = 0.05  # seconds between two looks at the memory of a process that works
CHUNK = 1 << 16
PIPE = 1 << 20  # bytes; more than a pipe can hold

Take = Callable[[str], None]


@dataclass(frozen=True)
class Message:
    """What a process says: a head in JSON, and a body of bytes."""

    head: dict[str, Any]
    body: bytes = b""


class Stop(enum.Enum):
    """Why a process says nothing any more."""

    LATE = "its time was up"
    MEMORY = "it took more memory than it may"
    EXIT = "it has ended"


class Channel:
    """One process; after a Stop it is killed and of no more use. One thread at a time uses it.

    `on_exit` is called once, from a thread of this channel's own, when the process has ended.
    """

    def __init__(self, started: Started, on_exit: Callable[[], None]) -> None:
        self._process = started.process
        self._control = started.control
        self._output = started.output
        self._on_exit = on_exit
        self._buffer = bytearray()
        self._exited = threading.Event()
        self._open = True
        self._silent = False  # nothing will be printed any more
        self._code = 0
        self.peak_kb = 0
        self._hearing = select.poll()
        self._hearing.register(self._control, select.POLLIN)
        self._printing = select.poll()
        self._printing.register(self._output, select.POLLIN)
        self._poll = select.poll()
        self._poll.register(self._control, select.POLLIN)
        self._poll.register(self._output, select.POLLIN)
        threading.Thread(target=self._wait, name="function-process", daemon=True).start()

    def exit_code(self) -> int:
        """How the process has ended, or minus the signal that killed it; waits for it."""
        self._exited.wait(LAST_LINES)
        return self._code

    def alive(self) -> bool:
        """Whether it can be called; asked between calls, when it has nothing to say."""
        return self._open and not self._exited.is_set() and not self._hearing.poll(0)

    def send(self, message: Message, ends: float) -> None:
        """Send until `ends` (monotonic); that a process does not read shows on receipt."""
        head = json.dumps({**message.head, "length": len(message.body)}).encode()
        with contextlib.suppress(OSError):
            self._control.settimeout(max(ends - time.monotonic(), 0.001))
            self._control.sendall(head + b"\n" + message.body)

    def receive(self, ends: float, limit_kb: int, take: Take) -> Message | Stop:
        """The next message, or why none comes; `take` gets every line printed until then."""
        lines = Lines(take)
        come = self._come(ends, limit_kb, lines)
        if come is Stop.EXIT:
            self._exited.wait(LAST_LINES)  # killed now, it would seem to have ended by that
        if isinstance(come, Stop):
            self.kill()
        self._drain(lines, LAST_LINES if isinstance(come, Stop) else 0)
        lines.end()
        return come

    def kill(self) -> None:
        """Kill the process and all that it has started; its number may be another's afterwards."""
        if not self._exited.is_set():
            self._process.kill()

    def close(self) -> None:
        """Kill and let go; no thread may be using the channel."""
        self.kill()
        if self._open:
            self._open = False
            self._control.close()
            os.close(self._output)

    def _come(self, ends: float, limit_kb: int, lines: Lines) -> Message | Stop:
        looked = time.monotonic()
        while (message := self._whole()) is None:
            now = time.monotonic()
            if now >= ends:
                return Stop.LATE
            if now - looked >= LOOK:
                looked = now
                if self._look() > limit_kb:
                    return Stop.MEMORY
            for handle, _ in self._poll.poll(1000 * min(ends - now, LOOK)):
                if handle == self._output:
                    self._read_output(lines)
                elif not self._read_control():
                    return Stop.EXIT
        self.peak_kb = max(self.peak_kb, message.head["peak_kb"])
        return Stop.MEMORY if self.peak_kb > limit_kb else message

    def _look(self) -> int:
        self.peak_kb = max(self.peak_kb, resident_kb(self._process.pid) or 0)
        return self.peak_kb

    def _whole(self) -> Message | None:
        """The first message that is there from its beginning to its end."""
        head_ends = self._buffer.find(b"\n")
        if head_ends < 0:
            return None
        head = json.loads(self._buffer[:head_ends])
        body_ends = head_ends + 1 + head["length"]
        if len(self._buffer) < body_ends:
            return None
        body = bytes(self._buffer[head_ends + 1 : body_ends])
        del self._buffer[:body_ends]
        return Message(head, body)

    def _read_control(self) -> bool:
        try:
            chunk = self._control.recv(CHUNK)
        except OSError:
            return False
        self._buffer += chunk
        return bool(chunk)

    def _read_output(self, lines: Lines) -> int:
        """Take what is there; how many bytes that were."""
        try:
            chunk = os.read(self._output, CHUNK)
        except BlockingIOError:
            return 0
        if not chunk:
            self._silent = True
            self._poll.unregister(self._output)
        lines.feed(chunk)
        return len(chunk)

    def _drain(self, lines: Lines, seconds: float) -> None:
        """Take what was printed before now; for some seconds more when the process has to end."""
        ends = time.monotonic() + seconds
        left = PIPE  # a thread that prints without end must not hold the answer
        while not self._silent and (left > 0 or seconds):
            taken = self._read_output(lines)
            left -= taken
            if not taken and not self._silent:
                patience = ends - time.monotonic()
                if patience <= 0:
                    return
                self._printing.poll(1000 * patience)

    def _wait(self) -> None:
        self._code = self._process.wait()
        self._exited.set()
        with contextlib.suppress(OSError):
            # A child that it forked may hold the other end open: this ends the wait for messages.
            self._control.shutdown(socket.SHUT_RDWR)
        self._on_exit()
