"""A process that has imported boto3 once and forks for each execution environment; Linux only.

Run as `python zygote.py SOCKET READY`; writes the names of what it has imported to READY. Every
packet on the socket is `start`, with the file descriptors of a specification (JSON), of the control
socket, of the output and of a status, or `kill PID`. The process id of a child is written to its
status at once, its exit code when it has ended and what is left of its group is killed. Everything
ends when the socket does: the server has gone.
"""

import contextlib
import gc
import importlib
import json
import os
import random
import selectors
import signal
import socket
import sys
import time
from typing import Any

runner = importlib.import_module("runner")  # beside this file, which is no package

PRELOADED = (
    *("boto3", "botocore.client", "botocore.endpoint", "botocore.auth", "botocore.parsers"),
    *("botocore.regions", "botocore.signers", "botocore.waiter", "botocore.paginate"),
    *("concurrent.futures", "email.parser", "http.client", "urllib.request", "zipfile"),
)
IDLE = 900.0  # seconds without a child after which the memory is given back
CONTROL = 3  # the file descriptor of the control socket in a child


class Zygote:
    """The forking loop."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._selector = selectors.DefaultSelector()
        self._selector.register(connection, selectors.EVENT_READ)
        self._children: dict[int, tuple[int, int]] = {}  # process id -> pidfd, status

    def serve(self) -> dict[str, Any]:
        """Fork for each `start`; returns only in a child: its specification."""
        while True:
            ready = self._selector.select(IDLE)
            if not ready and not self._children:
                os._exit(0)
            for key, _ in ready:
                if key.fileobj is not self._socket:
                    self._report(key.data)
                elif specification := self._obey():
                    return specification

    def _obey(self) -> dict[str, Any] | None:
        message, handles, _, _ = socket.recv_fds(self._socket, 64, 4)
        if not message:
            self._end()
        if message.startswith(b"kill"):
            self._kill(int(message.split()[1]))
            return None
        return self._fork(*handles)

    def _fork(
        self, specification: int, control: int, output: int, status: int
    ) -> dict[str, Any] | None:
        child = os.fork()
        if child == 0:
            self._selector.close()
            self._socket.close()
            return become_child(specification, control, output)
        with contextlib.suppress(OSError):
            os.setpgid(child, child)  # the child does so too: it is done before anybody may kill it
        for handle in (specification, control, output):
            os.close(handle)
        self._children[child] = os.pidfd_open(child), status
        self._selector.register(self._children[child][0], selectors.EVENT_READ, child)
        tell(status, child)
        return None

    def _kill(self, child: int) -> None:
        if child in self._children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child, signal.SIGKILL)

    def _report(self, child: int) -> None:
        """The child has ended: end its group too, while its number is still its own."""
        self._kill(child)
        _, ended = os.waitpid(child, 0)
        handle, status = self._children.pop(child)
        self._selector.unregister(handle)
        os.close(handle)
        tell(status, os.waitstatus_to_exitcode(ended))
        os.close(status)

    def _end(self) -> None:
        for child in self._children:
            self._kill(child)
        os._exit(0)


def tell(status: int, number: int) -> None:
    """One line for the server, which may have stopped to listen."""
    with contextlib.suppress(OSError):
        os.write(status, b"%d\n" % number)


def become_child(specification: int, control: int, output: int) -> dict[str, Any]:
    """Take a fresh child out of the zygote's group and off all of its files."""
    os.setpgid(0, 0)
    with os.fdopen(os.dup(specification), "rb") as file:
        file.seek(0)
        content: dict[str, Any] = json.load(file)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(control, CONTROL, inheritable=False)
    os.closerange(CONTROL + 1, os.sysconf("SC_OPEN_MAX"))
    return content


def settle(specification: dict[str, Any]) -> None:
    """Give a fresh child its variables, folder and randomness."""
    os.environ.clear()
    os.environ.update(specification["environment"])
    time.tzset()
    os.chdir(specification["folder"])
    random.seed()
    if "tempfile" in sys.modules:
        vars(sys.modules["tempfile"])["tempdir"] = None  # found again, by the child's own TMPDIR


def main() -> None:
    sys.path.pop(0)  # our own folder is not on a function's path
    sys.modules.pop("runner")
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    names = sorted({name.partition(".")[0] for name in sys.modules} - {"__main__"})
    gc.collect()
    gc.freeze()  # so that a child's collections do not copy the pages it shares
    connection = socket.socket(fileno=int(sys.argv[1]))
    with os.fdopen(int(sys.argv[2]), "w") as ready:
        ready.write(f"{' '.join(names)}\n")
    specification = Zygote(connection).serve()
    settle(specification)
    sys.path.insert(0, "")  # the runner puts the function's own folders in its place
    runner.run(CONTROL)


if __name__ == "__main__":
    main()
