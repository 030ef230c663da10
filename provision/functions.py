"""The Lambda functions: their code, configuration and reserved concurrency.

Only `$LATEST` is brought up to date here. What answers callers is the version behind the alias, and
a deployment alone publishes one: so that a changed function goes live with the same smoke tests,
and the same road back, as a changed model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from errors import BreedlineError
from provision.archives import Archive
from provision.change import Change, Clients, compare, only, or_none, unless_there
from provision.waiting import until
from settings import Settings
from statemachine.names import ALIAS, Names

RESOURCE = "function"
ABSENT = "ResourceNotFoundException"
RUNTIME = "python3.12"
HANDLER = "handler.handler"
PENDING = f"the alias '{ALIAS}' answers with the older one until the next deployment"


@dataclass(frozen=True)
class Function:
    """The function as it should be; `reserved` None means a share of the account's concurrency."""

    name: str
    archive: Archive
    role_arn: str
    memory_mb: int
    timeout_seconds: int
    environment: dict[str, str]
    reserved: int | None
    tags: dict[str, str]

    def properties(self) -> dict[str, Any]:
        """What is compared with the function that exists."""
        return {
            "code": self.archive.code_sha256,
            "environment": self.environment,
            "handler": HANDLER,
            "memory_mb": self.memory_mb,
            "reserved_concurrency": self.reserved,
            "role_arn": self.role_arn,
            "runtime": RUNTIME,
            "tags": self.tags,
            "timeout_seconds": self.timeout_seconds,
        }

    def configuration(self) -> dict[str, Any]:
        """What CreateFunction and UpdateFunctionConfiguration both take.

        The description is left to the deployments, which write the model's version into it.
        """
        return {
            "FunctionName": self.name,
            "Role": self.role_arn,
            "Runtime": RUNTIME,
            "Handler": HANDLER,
            "MemorySize": self.memory_mb,
            "Timeout": self.timeout_seconds,
            "Environment": {"Variables": self.environment},
        }


def plan_functions(
    clients: Clients, settings: Settings, archives: Mapping[str, Archive]
) -> Iterator[Change]:
    """Compare both functions with the settings and with the code in `archives`."""
    aws = clients("lambda")
    predict, smoke_test = _predict(settings, archives), _smoke_test(settings, archives)
    yield _told(aws, compare(RESOURCE, _current(aws, predict), predict))
    yield compare(RESOURCE, _current(aws, smoke_test), smoke_test)


def apply_function(clients: Clients, change: Change) -> str:
    """Create the function or bring its `$LATEST` up to date; returns its ARN."""
    function: Function = change.desired
    aws, name, body = clients("lambda"), function.name, function.archive.body
    made = None
    if change.kind == "create":
        made = unless_there(
            lambda: aws.create_function(
                **function.configuration(), Code={"ZipFile": body}, Tags=function.tags
            )
        )
    _await_ready(clients, name)
    if made is None:
        _update(clients, function)
    if function.reserved is None:
        aws.delete_function_concurrency(FunctionName=name)
    else:
        aws.put_function_concurrency(
            FunctionName=name, ReservedConcurrentExecutions=function.reserved
        )
    return str(aws.get_function_configuration(FunctionName=name)["FunctionArn"])


def _update(clients: Clients, function: Function) -> None:
    """One update after the other: Lambda refuses a second one while the first is under way."""
    aws, name = clients("lambda"), function.name
    found = aws.get_function_configuration(FunctionName=name)
    if found["CodeSha256"] != function.archive.code_sha256:
        aws.update_function_code(FunctionName=name, ZipFile=function.archive.body)
        _await_ready(clients, name)
    aws.update_function_configuration(**function.configuration())
    _await_ready(clients, name)
    aws.tag_resource(Resource=found["FunctionArn"], Tags=function.tags)


def _await_ready(clients: Clients, name: str) -> None:
    """Raises BreedlineError when Lambda could not make it ready, with Lambda's reason."""

    def is_ready() -> bool:
        found = clients("lambda").get_function_configuration(FunctionName=name)
        if "Failed" in (found.get("State"), found.get("LastUpdateStatus")):
            reason = found.get("LastUpdateStatusReason") or found.get("StateReason")
            raise BreedlineError(f"Lambda could not update '{name}': {reason}")
        pending = found.get("State") == "Pending" or found.get("LastUpdateStatus") == "InProgress"
        return not pending

    until(clients, is_ready, f"The function {name}")


def _current(aws: Any, function: Function) -> dict[str, Any] | None:
    found = or_none(lambda: aws.get_function(FunctionName=function.name), ABSENT)
    if found is None:
        return None
    configuration = found["Configuration"]
    return {
        "code": configuration["CodeSha256"],
        "environment": configuration.get("Environment", {}).get("Variables", {}),
        "handler": configuration.get("Handler"),
        "memory_mb": configuration["MemorySize"],
        "reserved_concurrency": found.get("Concurrency", {}).get("ReservedConcurrentExecutions"),
        "role_arn": configuration["Role"],
        "runtime": configuration.get("Runtime"),
        "tags": only(found.get("Tags", {}), function.tags),
        "timeout_seconds": configuration["Timeout"],
    }


def _told(aws: Any, change: Change) -> Change:
    """The change of a function behind the alias, whose callers hear of it later."""
    name = change.name
    if change.kind == "create":
        return change
    live = or_none(
        lambda: aws.get_function_configuration(FunctionName=name, Qualifier=ALIAS), ABSENT
    )
    if live is None or live["CodeSha256"] == change.desired.archive.code_sha256:
        return change
    return replace(change, reason=f"{change.reason}; {PENDING}")


def _predict(settings: Settings, archives: Mapping[str, Archive]) -> Function:
    names, function = Names(settings), settings.function
    environment = {
        "ENDPOINT_NAMES": settings.endpoint_name,
        "MAX_REQUEST_BYTES": str(function.max_request_bytes),
        "S3_BUCKETS": settings.bucket,
        "URL_ALLOW_LIST": ",".join(settings.endpoint.url_allow_list),
    }
    archive = archives["predict"]
    return Function(
        names.predict,
        archive,
        names.role("predict"),
        function.memory_mb,
        function.timeout_seconds,
        environment,
        function.reserved_concurrency,
        {**settings.tags, "version": archive.version},
    )


def _smoke_test(settings: Settings, archives: Mapping[str, Archive]) -> Function:
    names, smoke = Names(settings), settings.smoke
    environment = {
        "LATENCY_BUDGET_MS": str(smoke.latency_budget_ms),
        "MAX_REQUEST_BYTES": str(settings.function.max_request_bytes),
        "MIN_CORRECT_FRACTION": str(smoke.min_correct_fraction),
    }
    archive = archives["smoke_test"]
    return Function(
        names.smoke_test,
        archive,
        names.role("smoke_test"),
        settings.function.memory_mb,
        smoke.timeout_seconds,
        environment,
        None,
        {**settings.tags, "version": archive.version},
    )
