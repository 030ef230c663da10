"""What runs: one version of a function, one invocation of it, and how that came out."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.iam.caller import LAMBDA, Caller, caller
from local.jobs.layout import base_environment

MEMORY_PER_CORE = 1769  # MB; Lambda gives one core for so much memory
LARGEST_PAYLOAD = 6_291_556  # bytes of an answer; AWS's own limit


@dataclass(frozen=True)
class Function:
    """One version of a function, its code on disk. `timeout` in seconds, `memory` in MB.

    `revision` changes with every update: environments of an older one serve no more.
    """

    name: str
    version: str
    arn: str
    region: str
    runtime: str
    handler: str
    timeout: float
    memory: int
    code: Path
    layers: tuple[Path, ...]
    variables: Mapping[str, str]
    revision: str = ""
    dead_letters: str | None = None  # the ARN of the queue or topic for events given up
    role: str = ""

    @property
    def log_group(self) -> str:
        return f"/aws/lambda/{self.name}"

    @property
    def caller(self) -> Caller | None:
        """Who it is for what it calls: a session of its role that has its own name."""
        return caller(self.role, self.name, LAMBDA)


@dataclass(frozen=True)
class Invocation:
    """One call: `arn` as the caller named the function, `event` as JSON."""

    request_id: str
    arn: str
    event: bytes
    log_stream: str
    client_context: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Outcome:
    """The answer's JSON; `failed` when it describes an error. Durations in milliseconds.

    `init_duration` is there when the invocation had to wait for its environment to start, `status`
    when the environment ended with it.
    """

    payload: bytes
    failed: bool = False
    duration: float = 0.0
    init_duration: float | None = None
    memory_used: int | None = None
    status: str = ""


def failure(error: Mapping[str, Any], **measured: Any) -> Outcome:
    """An outcome that AWS would mark with FunctionError: Unhandled."""
    return Outcome(json.dumps(error).encode(), failed=True, **measured)


def variables_of(
    function: Function, log_stream: str, initialization: str, job_environment: Mapping[str, str]
) -> dict[str, str]:
    """The variables of an environment: Lambda's and this server's win over the function's own."""
    cores = min(math.ceil(function.memory / MEMORY_PER_CORE), os.cpu_count() or 1)
    return {
        **base_environment(cores),
        "TZ": ":UTC",
        **function.variables,
        **job_environment,
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization,
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "LAMBDA_TASK_ROOT": str(function.code),
        "_HANDLER": function.handler,
    }


def python_folders(function: Function) -> list[str]:
    """What goes first on sys.path: the function's code, then its layers in their order."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    inside = ("python", f"python/lib/{version}/site-packages")
    layers = [str(layer / folder) for layer in function.layers for folder in inside]
    return [str(function.code), *layers]
