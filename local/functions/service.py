"""Invoking functions: finding one among moto's, running it, keeping its log and metrics."""

from __future__ import annotations

import json
import logging
import re
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.core.exceptions import JsonRESTError

from local.backend import Backend
from local.errors import ApiError
from local.functions.code import Code
from local.functions.execution import ProcessExecutor
from local.functions.function import Executor, Function, Invocation, Outcome
from local.functions.log import InvocationLog

logger = logging.getLogger(__name__)
# What may name a function: its name, `account:function:name`, or its ARN, each with a qualifier.
NAME = re.compile(
    r"(?:arn:aws[\w-]*:lambda:(?P<region>[\w-]+):)?(?:(?P<account>\d{12}):function:)?"
    r"(?:function:)?(?P<name>[\w-]+)(?::(?P<qualifier>\$LATEST|[\w-]+))?"
)


@dataclass(frozen=True)
class Answer:
    """What a caller is told: the outcome, the version that ran, and the end of its log."""

    request_id: str
    version: str
    outcome: Outcome
    log_tail: bytes


@dataclass(frozen=True)
class Target:
    """A function that was found, and its ARN as the caller meant it."""

    function: Function
    arn: str


class Functions:
    """The functions of one server. Raises ApiError for functions that are not there or cannot run.

    A function that fails is no exception but an answer, as on AWS.
    """

    def __init__(self, backend: Backend, executor: Executor | None = None) -> None:
        self._backend = backend
        self._executor = executor or ProcessExecutor(backend.job_environment)
        self._code = Code(backend.folder / "functions")
        self._streams: dict[tuple[str, str], str] = {}

    def invoke(self, arn: str, payload: Mapping[str, Any]) -> Any:
        """Run a function for a pipeline's Lambda step; raises ApiError when it fails."""
        answer = self.run(self.find(arn), json.dumps(payload).encode())
        result = json.loads(answer.outcome.payload)
        if answer.outcome.failed:
            kind, message = result["errorType"], result["errorMessage"]
            raise ApiError("Unhandled", f"The function {arn} failed with {kind}: {message}")
        return result

    def find(self, name: str, qualifier: str | None = None, region: str | None = None) -> Target:
        """The version that a name, ARN or partial ARN and a version or alias stand for."""
        region = region or self._backend.region
        named = NAME.fullmatch(name)
        if named is None or (named["region"] or region) != region:
            raise _no_function(name)
        qualifier = named["qualifier"] or qualifier
        if qualifier and not re.fullmatch(r"\$LATEST|[\w-]+", qualifier):
            raise _no_function(f"{name}:{qualifier}")
        account = named["account"] or self._backend.account
        try:
            found = lambda_backends[account][region].get_function(named["name"], qualifier)
        except JsonRESTError as error:
            raise ApiError(error.error_type, error.message, error.code) from error
        function = self._read(found)
        return Target(function, f"{function.arn}:{qualifier}" if qualifier else function.arn)

    def run(
        self, target: Target, event: bytes, client_context: Mapping[str, Any] | None = None
    ) -> Answer:
        """Invoke and wait for the end; an empty event is `{}`."""
        function = target.function
        request_id = str(uuid.uuid4())
        stream = self._stream(function)
        invocation = Invocation(request_id, target.arn, event or b"{}", stream, client_context)
        log = InvocationLog(self._backend.logs, function, invocation)
        outcome = log.run(lambda: self._executor.execute(function, invocation, log.take))
        self._measure(function, outcome)
        return Answer(request_id, function.version, outcome, log.tail())

    def start(
        self, target: Target, event: bytes, client_context: Mapping[str, Any] | None = None
    ) -> None:
        """Invoke without waiting; what becomes of it is in the function's log alone."""

        def run() -> None:
            try:
                self.run(target, event, client_context)
            except Exception:  # nobody waits for this thread: the server's log is the only place
                logger.exception("an asynchronous invocation of %s failed", target.arn)

        threading.Thread(target=run, name=f"invoke-{target.function.name}", daemon=True).start()

    def _read(self, found: Any) -> Function:
        """moto's function as what can be run, its code unpacked."""
        runtime = found.run_time or ""
        if found.package_type == "Image" or not runtime.startswith("python"):
            kind = "a container image" if found.package_type == "Image" else f"runtime '{runtime}'"
            raise _cannot(
                f"The function {found.function_name} cannot run on the embedded AWS: it is {kind}, "
                "and only zip packages with a Python runtime are processes here."
            )
        layers = [self._code.unpack(_layer(found, layer["Arn"])) for layer in found.layers]
        return Function(
            name=found.function_name,
            version=str(found.version),
            arn=re.sub(r":(\d+|\$LATEST)$", "", found.function_arn),
            region=found.region,
            runtime=runtime,
            handler=found.handler or "",
            timeout=float(found.timeout),
            memory=int(found.memory_size),
            code=self._code.unpack(found.code_bytes),
            layers=tuple(layers),
            variables=dict(found.environment_vars),
        )

    def _stream(self, function: Function) -> str:
        """The log stream of a version, the same until the server stops."""
        today = datetime.now(timezone.utc).strftime("%Y/%m/%d")
        fresh = f"{today}/[{function.version}]{uuid.uuid4().hex}"
        return self._streams.setdefault((function.arn, function.version), fresh)

    def _measure(self, function: Function, outcome: Outcome) -> None:
        now = self._backend.now()
        for name, value, unit in (
            ("Invocations", 1.0, "Count"),
            ("Errors", float(outcome.failed), "Count"),
            ("Duration", outcome.duration, "Milliseconds"),
        ):
            dimensions = {"FunctionName": function.name}
            self._backend.metrics.put("AWS/Lambda", name, value, dimensions, now, unit)


def _layer(found: Any, arn: str) -> bytes:
    version = lambda_backends[found.account_id][found.region].layers_versions_by_arn(arn)
    if version is None:
        raise _cannot(f"The layer {arn} of the function {found.function_name} was deleted.")
    content: bytes = version.code_bytes
    return content


def _cannot(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message)


def _no_function(name: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Function not found: {name}", 404)
