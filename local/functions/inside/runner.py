"""Runs in an execution environment: `python runner.py CONTROL`, or forked by `zygote.py`.

Loads the handler once, as AWS's Python runtime does, then calls it with an event and a context for
every message that comes through the socket CONTROL. A message is a line of JSON, whose `length`
says how many bytes follow it. The first one in says where modules come from; the first one out says
whether the handler could be loaded. Imports nothing of the project.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import resource
import socket
import sys
import time
import traceback
import types
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NoReturn

Message = tuple[dict[str, Any], bytes]


class Control:
    """The runner's end of the socket through which the server calls it."""

    def __init__(self, number: int) -> None:
        os.set_inheritable(number, False)
        self._socket = socket.socket(fileno=number)
        self._incoming = self._socket.makefile("rb")

    def receive(self) -> Message | None:
        """The next message; None when the server has gone."""
        line = self._incoming.readline()
        if not line:
            return None
        head: dict[str, Any] = json.loads(line)
        return head, self._incoming.read(head.get("length", 0))

    def send(self, head: dict[str, Any], body: bytes = b"") -> None:
        head = {**head, "length": len(body), "peak_kb": peak_kb()}
        self._socket.sendall(json.dumps(head).encode() + b"\n" + body)


class Unusable(Exception):
    """The handler cannot be called; `kind` is the errorType that AWS gives for the reason."""

    def __init__(self, kind: str, message: str, frames: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.kind = kind
        self.frames = list(frames)


class LambdaContext:
    """The second argument of a handler."""

    def __init__(self, call: dict[str, Any]) -> None:
        variables = os.environ
        self.aws_request_id = call["request_id"]
        self.invoked_function_arn = call["arn"]
        self.function_name = variables["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = variables["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = variables["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = variables["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = types.SimpleNamespace(
            cognito_identity_id=None, cognito_identity_pool_id=None
        )
        self.client_context = _client_context(call["client_context"])
        self._ends = time.monotonic() + call["timeout"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is stopped, never negative."""
        return max(int(1000 * (self._ends - time.monotonic())), 0)

    def log(self, message: Any) -> None:
        """Write to the function's log."""
        sys.stdout.write(str(message))


def _client_context(given: dict[str, Any] | None) -> Any:
    if given is None:
        return None
    client = types.SimpleNamespace(**given.get("client") or {})
    return types.SimpleNamespace(custom=given.get("custom"), env=given.get("env"), client=client)


def find_handler(name: str) -> Callable[[Any, LambdaContext], Any]:
    """The function that `module.function` names; raises Unusable, or what its module raises."""
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise Unusable(
            "Runtime.MalformedHandlerName", f"Bad handler '{name}': write it as module.function"
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Unusable(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}"
        ) from error
    except SyntaxError as error:
        where = [
            f'  File "{error.filename}" Line {error.lineno}\n    {(error.text or "").strip()}\n'
        ]
        raise Unusable(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", where
        ) from error
    if not hasattr(module, function_name):
        raise Unusable(
            "Runtime.HandlerNotFound",
            f"Handler '{function_name}' missing on module '{module_name}'",
        )
    handler: Callable[[Any, LambdaContext], Any] = getattr(module, function_name)
    return handler


def encode(answer: Any) -> str:
    """The handler's answer as JSON; raises Unusable when it cannot be."""
    try:
        return json.dumps(answer, default=_number)
    except (TypeError, ValueError) as error:
        message = f"Unable to marshal response: {error}"
        raise Unusable("Runtime.MarshalError", message) from error


def _number(value: Any) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def describe(error: Exception, request_id: str) -> dict[str, Any]:
    """An exception as the error that a caller sees, and as the log shows it."""
    if isinstance(error, Unusable):
        kind, frames = error.kind, error.frames
    else:
        kind = type(error).__name__
        trace = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in trace if frame.filename not in _NOT_THEIRS]
        frames = traceback.format_list(own)
    seen = {
        "errorMessage": str(error),
        "errorType": kind,
        "requestId": request_id,
        "stackTrace": frames,
    }
    log = f"[ERROR] {kind}: {error}\nTraceback (most recent call last):\n{''.join(frames)}"
    return {"error": seen, "log": log.rstrip("\n")}


# Frames between the runner and the function's own code, which tell its author nothing.
_NOT_THEIRS = (
    __file__,
    importlib.__file__,
    "<frozen importlib._bootstrap>",
    "<frozen importlib._bootstrap_external>",
)


class Formatter(logging.Formatter):
    """Lambda's log lines: level, time, request id, message, with tabs between."""

    request_id = ""

    def __init__(self) -> None:
        form = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
        super().__init__(form, "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        record.aws_request_id = Formatter.request_id
        return super().format(record)


def prepare(path: list[str]) -> None:
    """Make this process look like Lambda's: where modules come from, and what logging does."""
    sys.path[:1] = path
    sys.argv = [os.environ["_HANDLER"]]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Formatter())
    logging.getLogger().addHandler(handler)


def serve(control: Control) -> None:
    """Load the handler, then answer until the server goes."""
    setup = control.receive()
    if setup is None:
        return
    prepare(setup[0]["path"])
    try:
        handler = find_handler(os.environ["_HANDLER"])
    except Exception as error:  # noqa: BLE001 - whatever a module raises is the caller's to see
        flush()
        control.send(describe(error, ""))
        return
    flush()
    control.send({})
    while call := control.receive():
        control.send(*answer(handler, *call))


def answer(handler: Callable[[Any, LambdaContext], Any], call: dict[str, Any], event: bytes) -> Any:
    """One invocation as the message that answers it; all it has printed is written by then."""
    Formatter.request_id = call["request_id"]
    try:
        head, body = {}, encode(handler(json.loads(event), LambdaContext(call))).encode()
    except Exception as error:  # noqa: BLE001 - whatever a function raises is its answer
        head, body = describe(error, call["request_id"]), b""
    flush()
    return head, body


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def peak_kb() -> int:
    """The most memory this process has had."""
    try:
        with open("/proc/self/status", "rb") as status:  # noqa: PTH123 - runs after every call
            return next(int(line.split()[1]) for line in status if line.startswith(b"VmHWM"))
    except (OSError, StopIteration):  # not Linux; rusage there would count the server's own memory
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most // 1024 if sys.platform == "darwin" else most


def run(number: int) -> NoReturn:
    """Serve and end as Python itself would; threads that a handler has left end as well."""
    code = 0
    control = Control(number)  # open until the very end: the server takes its end for ours
    try:
        serve(control)
    except SystemExit as error:
        code = exit_code(error.code)
    except BaseException:  # noqa: BLE001 - Python's own last resort, done here
        traceback.print_exc()
        code = 1
    finally:
        flush()
        os._exit(code)


def exit_code(code: Any) -> int:
    """The exit code of `sys.exit(code)`, whose message goes to stderr."""
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    print(code, file=sys.stderr)
    return 1


if __name__ == "__main__":
    run(int(sys.argv[1]))
