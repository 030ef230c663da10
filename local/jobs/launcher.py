"""Starting a host's process: in a session of its own, its output in pipes, never left behind."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from local.jobs.failure import client_error
from local.jobs.namespace import entering

_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_REAPER = Path(__file__).parent / "inside" / "reaper.py"


@dataclass(frozen=True)
class HostCommand:
    """What runs as one host: `root` is the folder that it may see as /opt/ml."""

    host: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    root: Path
    hosts_file: Path


class Process(Protocol):
    """A started host: its two output pipes, and its process group's signals and end."""

    stdout: IO[bytes]
    stderr: IO[bytes]

    @property
    def pid(self) -> int: ...

    def signal(self, number: int) -> None:
        """Send a signal to the whole process group; nothing happens when it is gone."""
        ...

    def wait(self) -> int:
        """Block until the first process ends; its exit code, or minus the signal that killed it.

        The rest of its process group is killed then, as a container ends with its first process.
        """
        ...


class Launcher(Protocol):
    """Starts hosts."""

    def start(self, command: HostCommand) -> Process: ...


class Reaper:
    """A small process beside the server that kills the jobs' process groups when the server dies.

    It holds the other end of a pipe: however the server ends, the pipe's end tells it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def add(self, group: int) -> None:
        self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        self._tell(f"-{group}\n")

    def _tell(self, line: str) -> None:
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(_REAPER)],
                    stdin=subprocess.PIPE,
                    start_new_session=True,
                )
            assert self._process.stdin  # noqa: S101 - asked for above
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


class PlainProcess:
    """A process started with subprocess."""

    def __init__(self, process: subprocess.Popen[bytes], reaper: Reaper) -> None:
        assert process.stdout and process.stderr  # noqa: S101 - started with pipes
        self._process = process
        self._reaper = reaper
        self.stdout, self.stderr = process.stdout, process.stderr
        self._ended = threading.Lock()

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: int) -> None:
        with self._ended:
            if self._process.returncode is None:
                signal_group(self.pid, number)

    def wait(self) -> int:
        # Kill the group before the first process is reaped: until then its number is not reused.
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        else:
            self._process.wait()
        with self._ended:
            signal_group(self.pid, signal.SIGKILL)
            code = self._process.wait()
        self._reaper.remove(self.pid)
        return code


def signal_group(group: int, number: int) -> None:
    """Send a signal to a process group; a group that is gone is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


class PlainLauncher:
    """Starts every host as a fresh process."""

    def __init__(self, reaper: Reaper) -> None:
        self._reaper = reaper

    def start(self, command: HostCommand) -> Process:
        process = subprocess.Popen(
            entering(command.root, command.hosts_file, resolve(command)),
            env=dict(command.environment),
            cwd=command.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._reaper.add(process.pid)
        return PlainProcess(process, self._reaper)


def resolve(command: HostCommand) -> list[str]:
    """The command with its program found; Python means this Python. Raises JobFailure."""
    program, *arguments = command.command
    found = shutil.which(program, path=command.environment.get("PATH"))
    if "/" in program:
        inside = command.folder / program
        found = str(inside) if os.access(inside, os.X_OK) and inside.is_file() else None
    if _PYTHON.fullmatch(Path(program).name) and ("/" not in program or found is None):
        found = sys.executable
    if found is None:
        raise client_error(
            f"The command '{program}' cannot be run on this machine: no such program. Images are "
            "not pulled here; install it, or use python3, bash or a script of the job's own."
        )
    return [found, *arguments]
