"""Starting the process of an execution environment: forked from a zygote where it can be, or fresh.

The zygote has imported boto3, which saves most of a cold start. It exists on Linux only, and a
function that brings modules of the same names, or variables that are read while Python starts, gets
a fresh process all the same.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from local.jobs.launcher import Reaper, signal_group
from local.jobs.layout import base_environment

_INSIDE = Path(__file__).parent / "inside"
_READ_AT_START = re.compile(r"PYTHON|LD_|MALLOC_|GLIBC_")
TRIES = 2  # with a zygote: one that was idle for long has ended by itself
READY_WITHIN = 60.0  # seconds for the zygote to import what it keeps


class Process(Protocol):
    """A process and its group."""

    @property
    def pid(self) -> int: ...

    def kill(self) -> None:
        """Kill the whole group; nothing happens when it is gone."""
        ...

    def wait(self) -> int:
        """Block until the process has ended; its exit code, or minus the signal that killed it."""
        ...


@dataclass(frozen=True)
class Start:
    """What to start: the variables, the folder, and where the function's own modules lie."""

    variables: Mapping[str, str]
    folder: Path
    path: Sequence[str]


@dataclass(frozen=True)
class Started:
    """A process, the server's end of its control socket, and what it prints (a file descriptor)."""

    process: Process
    control: socket.socket
    output: int


class Plain:
    """A fresh Python."""

    def __init__(self, start: Start, control: int, output: int, reaper: Reaper) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(_INSIDE / "runner.py"), str(control)],
            env=dict(start.variables),
            cwd=start.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[control],
            start_new_session=True,
        )
        self._reaper = reaper
        self._ending = threading.Lock()
        reaper.add(self.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        with self._ending:
            if self._process.returncode is None:
                signal_group(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        # Kill the group before the process is reaped: until then its number is not reused.
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with self._ending:
            signal_group(self.pid, signal.SIGKILL)
            code = self._process.wait()
        self._reaper.remove(self.pid)
        return code


class Forked:
    """A child of the zygote, known by its lines on `status`."""

    def __init__(self, zygote: Zygote, status: int, reaper: Reaper) -> None:
        self._zygote, self._reaper = zygote, reaper
        self._status = os.fdopen(status, "r")
        first = self._status.readline()
        if not first:
            self._status.close()
            raise OSError("the zygote has gone")
        self.pid = int(first)
        reaper.add(self.pid)

    def kill(self) -> None:
        self._zygote.kill(self.pid)

    def wait(self) -> int:
        with self._status:
            last = self._status.readline()
        if not last:  # the zygote was killed, and what it would have cleared is ours to clear
            signal_group(self.pid, signal.SIGKILL)
        self._reaper.remove(self.pid)
        return int(last) if last else -signal.SIGKILL


class Zygote:
    """The server's side of the process that forks."""

    def __init__(self, reaper: Reaper) -> None:
        self._reaper = reaper
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ready, ready_end = os.pipe()
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, str(_INSIDE / "zygote.py")),
                    *(str(theirs.fileno()), str(ready_end)),
                ],
                env=base_environment(1),
                cwd="/",
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno(), ready_end],
                start_new_session=True,
            )
        os.close(ready_end)
        reaper.add(self._process.pid)
        self._ready = ready
        self._asking = threading.Lock()
        self._names: frozenset[str] | None = None

    def names(self) -> frozenset[str]:
        """The modules it has imported; raises OSError when it could not."""
        with self._asking:
            if self._names is None:
                came = select.select([self._ready], [], [], READY_WITHIN)[0]
                with os.fdopen(self._ready) as ready:
                    line = ready.readline() if came else ""
                if not line:
                    raise OSError("the zygote has not started")
                self._names = frozenset(line.split())
        return self._names

    def fork(self, start: Start, control: int, output: int) -> Forked:
        """A child with these ends of its control socket and output; OSError when it is gone."""
        status, status_end = os.pipe()
        specification = os.memfd_create("function")
        try:
            content = {"environment": dict(start.variables), "folder": str(start.folder)}
            os.write(specification, json.dumps(content).encode())
            handles = [specification, control, output, status_end]
            socket.send_fds(self._socket, [b"start"], handles)
        except OSError:
            os.close(status)
            raise
        finally:
            os.close(specification)
            os.close(status_end)
        return Forked(self, status, self._reaper)

    def kill(self, child: int) -> None:
        with contextlib.suppress(OSError):
            self._socket.send(f"kill {child}".encode())

    def bury(self) -> None:
        """It has ended, or must: forget it."""
        self._process.kill()
        self._process.wait()
        self._reaper.remove(self._process.pid)
        self._socket.close()


class Starter:
    """Starts processes; one zygote serves all functions of this server."""

    def __init__(self, forking: bool | None = None) -> None:
        self._reaper = Reaper()
        self._forking = can_fork() if forking is None else forking
        self._lock = threading.Lock()
        self._zygote: Zygote | None = None

    def warm_up(self) -> None:
        """Let the zygote import in the background, so that the first function need not wait."""
        if self._forking:
            self._current()

    def start(self, start: Start) -> Started:
        control, control_end = socket.socketpair()
        output, output_end = os.pipe()
        try:
            process = self._process(start, control_end.fileno(), output_end)
        except BaseException:
            control.close()
            os.close(output)
            raise
        finally:
            control_end.close()
            os.close(output_end)
        os.set_blocking(output, False)
        return Started(process, control, output)

    def _process(self, start: Start, control: int, output: int) -> Process:
        if self._forking and not any(map(_READ_AT_START.match, own_variables(start))):
            for _ in range(TRIES):
                zygote = self._current()
                try:
                    if shadows(start.path, zygote.names()):
                        break
                    return zygote.fork(start, control, output)
                except OSError:
                    self._bury(zygote)
        return Plain(start, control, output, self._reaper)

    def _current(self) -> Zygote:
        with self._lock:
            if self._zygote is None:
                self._zygote = Zygote(self._reaper)
            return self._zygote

    def _bury(self, zygote: Zygote) -> None:
        with self._lock:
            if self._zygote is zygote:
                self._zygote = None
                zygote.bury()


def own_variables(start: Start) -> set[str]:
    """The variables that differ from those with which the zygote was started."""
    base = base_environment(1)
    return {name for name, value in start.variables.items() if base.get(name) != value}


def shadows(path: Sequence[str], names: frozenset[str]) -> bool:
    """Whether a module of the function's own has the name of one that the zygote has imported."""
    folders = [Path(folder) for folder in path]
    own = {entry.stem for folder in folders if folder.is_dir() for entry in folder.iterdir()}
    return bool(own & names)


def can_fork() -> bool:
    """Whether this machine has what the zygote needs: Linux with pidfds."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


@functools.cache
def shared_starter() -> Starter:
    """The one of this process: its zygote serves every server in it."""
    return Starter()
