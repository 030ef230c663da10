"""One instance's folder and process: its user data as a script, a `shutdown` that ends it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.jobs.launcher import Reaper, signal_group

# Stands first on PATH: nothing in an instance may end the machine that plays it.
SHUTDOWN = """#!/bin/sh
# Takes note of when this instance is to end: `shutdown -P now`, or `+MINUTES` from now.
at=$(date +%s)
for word in "$@"; do
    case "$word" in
    +*) at=$((at + ${word#+} * 60)) ;;
    -c) at= ;;
    esac
done
echo "$at" > "{note}"
"""
CONSOLE = 64 * 1024  # bytes that GetConsoleOutput shows


@dataclass(frozen=True)
class Machine:
    """The folder of an instance."""

    folder: Path

    @property
    def base(self) -> Path:
        """What is /opt/ml on a machine of its own."""
        return self.folder / "disk" / "opt" / "ml"

    @property
    def _console(self) -> Path:
        return self.folder / "console.log"

    @property
    def _note(self) -> Path:
        return self.folder / "shutdown"

    def start(
        self, user_data: bytes, environment: Mapping[str, str], reaper: Reaper
    ) -> subprocess.Popen[bytes]:
        """Run the user data, in a process group of its own; its output is the console's."""
        programs, script = self.folder / "bin", self.folder / "user-data"
        programs.mkdir(parents=True)
        self.base.mkdir(parents=True)
        (programs / "shutdown").write_text(SHUTDOWN.replace("{note}", str(self._note)))
        (programs / "shutdown").chmod(0o700)
        script.write_bytes(user_data)
        script.chmod(0o700)
        with self._console.open("wb") as console:
            process = subprocess.Popen(
                ["bash", str(script)],
                env={**environment, **self._own(programs, environment)},
                cwd=self.folder / "disk",
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        reaper.add(process.pid)
        return process

    def wants_to_end(self) -> bool:
        """Whether the time has come that it gave to `shutdown`."""
        try:
            text = self._note.read_text().strip()
        except FileNotFoundError:
            return False
        return bool(text) and time.time() >= int(text)

    def console(self) -> str:
        """The end of what it printed."""
        if not self._console.is_file():
            return ""
        return self._console.read_bytes()[-CONSOLE:].decode(errors="replace")

    def wipe(self) -> None:
        """Its disk goes with it; what it printed stays."""
        shutil.rmtree(self.folder / "disk", ignore_errors=True)

    def _own(self, programs: Path, environment: Mapping[str, str]) -> dict[str, str]:
        return {
            "PATH": f"{programs}{os.pathsep}{environment['PATH']}",
            "BREEDLINE_BASE": str(self.base),
            "BREEDLINE_PYTHON": sys.executable,
        }


def end_process(process: subprocess.Popen[bytes], grace: float, reaper: Reaper) -> None:
    """SIGTERM to all of an instance, SIGKILL to what still runs after `grace` seconds."""
    if process.poll() is None:
        signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):  # it had its time
            process.wait(grace)
    signal_group(process.pid, signal.SIGKILL)
    process.wait()
    reaper.remove(process.pid)
