"""How asynchronous invocations of a version or alias are treated."""

from __future__ import annotations

import time
from typing import Any

from local.errors import ApiError
from local.functions import destinations
from local.functions.api.call import Call, Reply
from local.functions.asynchronous import LONGEST_AGE, RETRIES
from local.functions.records import LATEST

SHORTEST_AGE = 60  # seconds
OPTIONS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


def put_function_event_invoke_config(call: Call) -> Reply:
    return _write(call, {})


def update_function_event_invoke_config(call: Call) -> Reply:
    return _write(call, _find(call))


def get_function_event_invoke_config(call: Call) -> Reply:
    return 200, _described(call, _qualifier(call), _find(call))


def delete_function_event_invoke_config(call: Call) -> Reply:
    _find(call)
    del call.settings().event_invoke[_qualifier(call)]
    return 204, None


def list_function_event_invoke_configs(call: Call) -> Reply:
    listed = sorted(call.settings().event_invoke.items())
    described = [_described(call, qualifier, config) for qualifier, config in listed]
    return 200, {"FunctionEventInvokeConfigs": described}


def _write(call: Call, before: dict[str, Any]) -> Reply:
    call.version(_qualifier(call))
    given = {name: call.get(name) for name in OPTIONS if call.get(name) is not None}
    _check(given)
    config = {**before, **given, "modified": time.time()}
    call.settings().event_invoke[_qualifier(call)] = config
    return 200, _described(call, _qualifier(call), config)


def _check(given: dict[str, Any]) -> None:
    if not 0 <= given.get("MaximumRetryAttempts", 0) <= RETRIES:
        raise ApiError("ValidationException", f"MaximumRetryAttempts is 0 to {RETRIES}.")
    if not SHORTEST_AGE <= given.get("MaximumEventAgeInSeconds", SHORTEST_AGE) <= LONGEST_AGE:
        raise ApiError(
            "ValidationException",
            f"MaximumEventAgeInSeconds is {SHORTEST_AGE} to {LONGEST_AGE}.",
        )
    for end in given.get("DestinationConfig", {}).values():
        if end.get("Destination"):
            destinations.check(end["Destination"])


def _qualifier(call: Call) -> str:
    return call.qualifier or LATEST


def _find(call: Call) -> dict[str, Any]:
    found = call.settings().event_invoke.get(_qualifier(call))
    if found is None:
        arn = f"{call.arn}:{_qualifier(call)}"
        message = f"The function {arn} doesn't have an EventInvokeConfig"
        raise ApiError("ResourceNotFoundException", message, 404)
    return found


def _described(call: Call, qualifier: str, config: dict[str, Any]) -> dict[str, Any]:
    given = {name: config[name] for name in OPTIONS if name in config}
    return {
        "FunctionArn": f"{call.arn}:{qualifier}",
        "LastModified": config["modified"],
        **given,
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}}
        | config.get("DestinationConfig", {}),
    }
