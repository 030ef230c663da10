"""A process that has imported torch once and forks for each job; run by `warm`, Linux only.

Run as `python warm_host.py SOCKET_FD`. Messages on the socket, one a packet: in, `start` with the
file descriptors of a specification (JSON), of stdout and of stderr, or `signal PID NUMBER`; out,
`ready NAMES`, `started PID`, `ended PID CODE`. In a forked child `serve` returns what to run, and
the last lines of this file run it as Python itself would, at the top of the stack, so that exit
codes, tracebacks and output are those of a plain run. The ending is done by hand: taking down a
torch that all children share would copy its pages, which costs a second and more.
"""

import atexit
import contextlib
import ctypes
import gc
import importlib
import importlib.machinery
import json
import os
import random
import selectors
import signal
import socket
import sys
import threading
import time
import types
from typing import Any, NoReturn

mounts = importlib.import_module("mounts")  # beside this file, which is no package

PRELOADED = ("numpy", "PIL.Image", "torch", "torch.utils.data", "torchvision", "torchvision.models")
TORCH_FIXED_SEED = 67280421310721  # with which some versions begin; newer ones begin anew
IDLE = 900.0  # seconds without a job after which the memory is given back


class Host:
    """The forking loop."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._selector = selectors.DefaultSelector()
        self._selector.register(connection, selectors.EVENT_READ)
        self._children: dict[int, int] = {}  # process id -> pidfd

    def serve(self) -> dict[str, Any]:
        """Fork for each `start`; returns only in a child: its specification."""
        while True:
            ready = self._selector.select(IDLE)
            if not ready and not self._children:
                sys.exit()
            for key, _ in ready:
                if key.fileobj is not self._socket:
                    self._report(key.data)
                elif specification := self._obey():
                    return specification

    def _obey(self) -> dict[str, Any] | None:
        message, handles, _, _ = socket.recv_fds(self._socket, 64, 3)
        if not message:
            self._end()
        word, *numbers = message.decode().split()
        if word == "signal":
            self._signal(*map(int, numbers))
            return None
        specification = self._fork(*handles)
        for handle in handles:
            os.close(handle)
        return specification

    def _fork(self, specification: int, stdout: int, stderr: int) -> dict[str, Any] | None:
        child = os.fork()
        if child == 0:
            return self._become_child(specification, stdout, stderr)
        self._children[child] = os.pidfd_open(child)
        self._selector.register(self._children[child], selectors.EVENT_READ, child)
        self._socket.send(f"started {child}".encode())
        return None

    def _become_child(self, specification: int, stdout: int, stderr: int) -> dict[str, Any]:
        os.setsid()
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        for handle in self._children.values():
            os.close(handle)
        self._selector.close()
        self._socket.close()
        with os.fdopen(os.dup(specification), "rb") as file:
            file.seek(0)
            content: dict[str, Any] = json.load(file)
        return content

    def _signal(self, child: int, number: int) -> None:
        if child in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, number)

    def _report(self, child: int) -> None:
        """The child has ended: end its group too, while its number is still its own."""
        self._signal(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        handle = self._children.pop(child)
        self._selector.unregister(handle)
        os.close(handle)
        self._socket.send(f"ended {child} {os.waitstatus_to_exitcode(status)}".encode())

    def _end(self) -> None:
        """The server is gone."""
        for child in self._children:
            self._signal(child, signal.SIGKILL)
        os._exit(0)


def preload() -> None:
    """Import what jobs are likely to need, and what of it there is."""
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def settle(specification: dict[str, Any]) -> None:
    """Give a fresh child its place, variables, arguments, search path, threads and randomness."""
    os.environ.clear()
    os.environ.update(specification["environment"])
    time.tzset()
    if specification["namespace"]:
        mounts.enter(specification["root"], specification["hosts_file"])
    os.chdir(specification["folder"])
    sys.argv[:] = specification["arguments"]
    program = os.path.realpath(sys.argv[0])  # noqa: PTH118
    searched = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [os.path.dirname(program), *filter(None, searched), *sys.path]  # noqa: PTH120
    reseed()
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if "torch" in sys.modules and threads.isdigit():
        sys.modules["torch"].set_num_threads(int(threads))


def reseed() -> None:
    """Give a child the randomness that a fresh process would have."""
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        generator = sys.modules["torch"].default_generator
        if generator.initial_seed() != TORCH_FIXED_SEED:
            generator.seed()


def main_module(program: str) -> types.ModuleType:
    """The module that a script runs as, in place of this file's own."""
    module = types.ModuleType("__main__")
    path = os.path.abspath(program)  # noqa: PTH100
    module.__dict__.update(
        __file__=path,
        __builtins__=__builtins__,
        __loader__=importlib.machinery.SourceFileLoader("__main__", path),
        __annotations__={},
        __cached__=None,
    )
    sys.modules["__main__"] = module
    return module


def outcome(error: BaseException | None) -> int:
    """Do what Python does about an uncaught exception; the exit code."""
    if error is None:
        return 0
    if isinstance(error, SystemExit):
        return exit_code(error.code)
    trace = error.__traceback__.tb_next if error.__traceback__ else None
    sys.excepthook(type(error), error.with_traceback(trace), trace)
    return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1


def exit_code(code: object) -> int:
    """The exit code of `sys.exit(code)`, whose message goes to stderr."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def end(code: int, scope: dict[str, Any], shared: frozenset[str]) -> NoReturn:
    """End as the interpreter does: threads, exit functions, the job's own modules, buffers."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    scope.clear()
    for name in set(sys.modules) - shared:
        vars(sys.modules.pop(name)).clear()
    gc.collect()  # closes files that were left open; what the jobs share is frozen
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    ctypes.CDLL(None).fflush(None)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def prepare() -> dict[str, Any]:
    """Import, announce and serve; returns in a forked child, settled."""
    sys.path.pop(0)  # our own folder is not on a job's path
    sys.modules.pop("mounts")
    preload()
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        gc.collect()
        gc.freeze()  # so that a child's collections do not copy the pages it shares
        names = sorted({name.partition(".")[0] for name in sys.modules} - {"__main__"})
        connection.send(f"ready {' '.join(names)}".encode())
        specification = Host(connection).serve()
    settle(specification)
    return specification


if __name__ == "__main__":
    prepare()
    preloaded = frozenset(sys.modules)
    scope = main_module(sys.argv[0]).__dict__
    caught: BaseException | None = None
    try:
        with open(scope["__file__"], "rb") as source:  # noqa: PTH123
            program = compile(source.read(), scope["__file__"], "exec")
        exec(program, scope)  # noqa: S102 - the job's own script is what this is for
    except BaseException as error:  # noqa: BLE001 - Python's own last resort, done here
        caught = error
    end(outcome(caught), scope, preloaded)
