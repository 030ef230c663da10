"""Runs in a function's process: `python runner.py REPORT` with the call and its event on stdin.

Imports the handler as AWS's Python runtime does, calls it with the event and a context object, and
writes to the file descriptor REPORT an empty line when the handler begins and a line of JSON when
it has ended. Imports nothing of the project.
"""

from __future__ import annotations

import importlib
import io
import json
import logging
import os
import resource
import sys
import time
import traceback
import types
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any


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

    def __init__(self, request_id: str) -> None:
        form = f"[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t{request_id}\t%(message)s"
        super().__init__(form, "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime


def prepare(call: dict[str, Any]) -> None:
    """Make this process look like Lambda's: where modules come from, and what logging does."""
    sys.path[:1] = call["path"]
    sys.argv = [os.environ["_HANDLER"]]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Formatter(call["request_id"]))
    logging.getLogger().addHandler(handler)


def run(call: dict[str, Any], event: bytes, began: Callable[[], None]) -> dict[str, Any]:
    """Import and call the handler; `began` is called between the two."""
    try:
        handler = find_handler(os.environ["_HANDLER"])
        began()
        return {"payload": encode(handler(json.loads(event), LambdaContext(call)))}
    except Exception as error:  # noqa: BLE001 - whatever a function raises is its answer
        return describe(error, call["request_id"])


def memory_mb() -> int:
    """The most memory this process has had."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def main() -> None:
    report = int(sys.argv[1])
    os.set_inheritable(report, False)
    request = sys.stdin.buffer.read()
    sys.stdin = io.StringIO()
    line, _, event = request.partition(b"\n")
    call = json.loads(line)
    begun: list[int] = []

    def began() -> None:
        begun.append(os.write(report, b"\n"))

    prepare(call)
    answer = run(call, event, began)
    if not begun:
        began()
    sys.stdout.flush()
    sys.stderr.flush()
    with os.fdopen(report, "w", encoding="utf-8") as file:
        file.write(json.dumps({**answer, "memory_mb": memory_mb()}) + "\n")
    os._exit(0)  # threads that the handler left behind stop with it, as on Lambda


if __name__ == "__main__":
    main()
