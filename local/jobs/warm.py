"""Starting scripts that use torch from a process that has imported it already (Linux only).

Importing torch and torchvision costs seconds; a fork of a process that has them costs none. Only
plain `python script.py` commands whose folder mentions torch go this way, and none whose variables
are read while Python or torch start; all else, and everything when the warm process is not there,
goes to the plain launcher.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from local.jobs.launcher import (
    HostCommand,
    Launcher,
    Process,
    Reaper,
    resolve,
    signal_group,
)
from local.jobs.layout import base_environment
from local.jobs.namespace import available

_HOST = Path(__file__).parent / "inside" / "warm_host.py"
_MENTIONS_TORCH = re.compile(rb"^\s*(import|from)\s+(torch|torchvision)\b", re.MULTILINE)
_READ_AT_START = re.compile(
    r"PYTHON(?!PATH$)|TORCH|PYTORCH|OMP_(?!NUM_THREADS$)|KMP_|GOMP_|MKL_|OPENBLAS|LD_"
)
READY_WITHIN = 120.0  # seconds
LONGEST_MESSAGE = 1 << 20  # bytes


class WarmProcess:
    """A forked job, known through the warm process."""

    def __init__(self, stdout: int, stderr: int) -> None:
        self.stdout: IO[bytes] = os.fdopen(stdout, "rb", buffering=0)
        self.stderr: IO[bytes] = os.fdopen(stderr, "rb", buffering=0)
        self.pid = 0
        self._ended: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._host: WarmHost | None = None

    def started(self, host: WarmHost, pid: int) -> None:
        self._host, self.pid = host, pid

    def ended(self, code: int) -> None:
        self._ended.put(code)

    def signal(self, number: int) -> None:
        if self._host:
            self._host.signal(self.pid, number)

    def wait(self) -> int:
        return self._ended.get()


class WarmHost:
    """The server's side of one warm process."""

    def __init__(self, reaper: Reaper) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(_HOST), str(theirs.fileno())],
                env=base_environment(1),
                cwd="/",
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        reaper.add(self._process.pid)
        self.names: frozenset[str] = frozenset()
        self.gone = False
        self._reaper = reaper
        self._socket = ours
        self._ready = threading.Event()
        self._starting = threading.Lock()
        self._answers: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._running: dict[int, WarmProcess] = {}
        threading.Thread(target=self._listen, name="warm-host", daemon=True).start()

    def ready(self) -> bool:
        """Wait until it has imported everything; False when it has not managed to."""
        return self._ready.wait(READY_WITHIN) and not self.gone

    def start(self, command: HostCommand, arguments: list[str]) -> WarmProcess | None:
        """Fork a job; None when the warm process has gone."""
        specification = os.memfd_create("job")
        stdout, stdout_end = os.pipe()
        stderr, stderr_end = os.pipe()
        process = WarmProcess(stdout, stderr)
        try:
            os.write(specification, self._specification(command, arguments))
            if self._fork(process, [specification, stdout_end, stderr_end]):
                return process
            process.stdout.close()
            process.stderr.close()
            return None
        finally:
            for handle in (specification, stdout_end, stderr_end):
                os.close(handle)

    def _fork(self, process: WarmProcess, handles: list[int]) -> bool:
        with self._starting:
            self._next = process
            try:
                socket.send_fds(self._socket, [b"start"], handles)
            except OSError:
                return False
            pid = self._answers.get()
        if pid:
            self._reaper.add(pid)
        return bool(pid)

    def signal(self, pid: int, number: int) -> None:
        with contextlib.suppress(OSError):
            self._socket.send(f"signal {pid} {number}".encode())

    def _specification(self, command: HostCommand, arguments: list[str]) -> bytes:
        content = {
            "environment": dict(command.environment),
            "arguments": arguments,
            "folder": str(command.folder),
            "root": str(command.root),
            "hosts_file": str(command.hosts_file),
            "namespace": available(),
        }
        return json.dumps(content).encode()

    def _listen(self) -> None:
        while message := self._receive():
            word, _, rest = message.partition(" ")
            if word == "ready":
                self.names = frozenset(rest.split())
                self._ready.set()
            elif word == "started":
                self._next.started(self, int(rest))
                self._running[int(rest)] = self._next
                self._answers.put(int(rest))
            else:
                pid, code = map(int, rest.split())
                self._conclude(pid, code)
        self._mourn()

    def _receive(self) -> str:
        try:
            return self._socket.recv(LONGEST_MESSAGE).decode()
        except OSError:
            return ""

    def _conclude(self, pid: int, code: int) -> None:
        self._reaper.remove(pid)
        self._running.pop(pid).ended(code)

    def _mourn(self) -> None:
        """The warm process has gone: its jobs are lost with it."""
        self.gone = True
        self._ready.set()
        self._answers.put(0)
        for pid in list(self._running):
            signal_group(pid, signal.SIGKILL)
            self._conclude(pid, -signal.SIGKILL)
        self._reaper.remove(self._process.pid)
        self._socket.close()
        self._process.wait()


class WarmLauncher:
    """Forks what it can from a warm process, begun at the first need; the rest starts plainly."""

    def __init__(self, plain: Launcher, reaper: Reaper) -> None:
        self._plain = plain
        self._reaper = reaper
        self._lock = threading.Lock()
        self._host: WarmHost | None = None

    def warm_up(self) -> None:
        """Begin to import in the background, so that the first job need not wait for it."""
        if usable():
            self._current_host()

    def start(self, command: HostCommand) -> Process:
        words = resolve(command)
        folders = code_folders(command, words)
        if usable() and is_plain_script(command, words) and mentions_torch(folders):
            host = self._current_host()
            if host.ready() and not shadows(folders, host.names):
                process = host.start(command, words[1:])
                if process:
                    return process
        return self._plain.start(command)

    def _current_host(self) -> WarmHost:
        with self._lock:
            if self._host is None or self._host.gone:
                self._host = WarmHost(self._reaper)
            return self._host


def usable() -> bool:
    """Whether this machine can fork with torch: Linux with pidfds, and torch installed."""
    return (
        sys.platform == "linux"
        and hasattr(os, "pidfd_open")
        and importlib.util.find_spec("torch") is not None
    )


def is_plain_script(command: HostCommand, words: list[str]) -> bool:
    """`python script.py …` with this Python, and none but the warm process's start variables."""
    return (
        words[0] == sys.executable
        and len(words) > 1
        and words[1].endswith(".py")
        and not words[1].startswith("-")
        and (command.folder / words[1]).is_file()
        and start_variables(command.environment) == start_variables(base_environment(1))
    )


def start_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that are read while Python or torch start: too late to change in a fork."""
    return {name: value for name, value in environment.items() if _READ_AT_START.match(name)}


def code_folders(command: HostCommand, words: list[str]) -> list[Path]:
    """Where a job's own modules lie: beside its script, or in the `code` of a model."""
    folders = [(command.folder / word).resolve().parent for word in words[1:2]]
    return [*folders, *(f for f in [command.folder / "code"] if f.is_dir())]


def mentions_torch(folders: list[Path]) -> bool:
    """Whether a Python file of the job's own imports torch: only those gain from a fork."""
    files = (path for folder in folders for path in folder.glob("*.py"))
    return any(_MENTIONS_TORCH.search(path.read_bytes()) for path in files)


def shadows(folders: list[Path], names: frozenset[str]) -> bool:
    """Whether a module of the job's own has the name of one that is imported already."""
    own = {path.stem for folder in folders for path in folder.iterdir()}
    return bool(own & names)
