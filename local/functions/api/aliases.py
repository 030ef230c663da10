"""Aliases: names for versions, that may send a part of the calls to another version."""

from __future__ import annotations

import re
import uuid
from typing import Any

from local.errors import ApiError
from local.functions.api.call import Call, Reply
from local.functions.api.versions import drop_settings
from local.functions.errors import invalid_parameter, precondition_failed
from local.functions.lookup import weights
from local.functions.records import LATEST, aliases

NAME = re.compile(r"(?!^[0-9]+$)[a-zA-Z0-9-_]{1,128}")


def create_alias(call: Call) -> Reply:
    call.latest()
    name, version = call.parameters["Name"], call.parameters["FunctionVersion"]
    if not NAME.fullmatch(name):
        raise ApiError("ValidationException", f"'{name}' cannot be the name of an alias.")
    if name in aliases(call.backend, call.name):
        raise ApiError("ResourceConflictException", f"Alias already exists: {call.arn}:{name}", 409)
    routing = call.get("RoutingConfig") or {}
    _check(call, version, routing)
    alias = call.backend.create_alias(
        name, call.name, version, call.get("Description", ""), routing
    )
    return 201, _described(alias)


def update_alias(call: Call) -> Reply:
    alias = _find(call)
    if call.get("RevisionId") not in (None, "", alias.revision_id):
        raise precondition_failed()
    version = call.get("FunctionVersion") or alias.function_version
    given = call.get("RoutingConfig")
    routing = (alias.routing_config or {}) if given is None else given
    _check(call, version, routing)
    _check_provisioned(call, alias.name, version, routing)
    alias.update(call.get("Description"), version, routing)
    alias.revision_id = str(uuid.uuid4())
    _follow(call, alias.name)
    return 200, _described(alias)


def get_alias(call: Call) -> Reply:
    return 200, _described(_find(call))


def delete_alias(call: Call) -> Reply:
    call.latest()
    name = call.parameters["Name"]
    aliases(call.backend, call.name).pop(name, None)
    drop_settings(call, name)
    return 204, None


def list_aliases(call: Call) -> Reply:
    call.latest()
    version = call.get("FunctionVersion")
    listed = sorted(aliases(call.backend, call.name).items())
    kept = [_described(alias) for _, alias in listed if version in (None, alias.function_version)]
    return 200, {"Aliases": kept}


def _find(call: Call) -> Any:
    call.latest()
    name = call.parameters["Name"]
    alias = aliases(call.backend, call.name).get(name)
    if alias is None:
        message = f"Cannot find alias arn: {call.arn}:{name}"
        raise ApiError("ResourceNotFoundException", message, 404)
    return alias


def _described(alias: Any) -> dict[str, Any]:
    described: dict[str, Any] = alias.to_json()
    described["RoutingConfig"] = (
        {"AdditionalVersionWeights": weights(alias)} if weights(alias) else None
    )
    return {name: value for name, value in described.items() if value is not None}


def _check(call: Call, version: str, routing: dict[str, Any]) -> None:
    """Refuse what no alias can stand for."""
    if not re.fullmatch(r"\$LATEST|[0-9]+", version):
        raise ApiError("ValidationException", f"'{version}' is no version of a function.")
    call.version(version)
    others = routing.get("AdditionalVersionWeights") or {}
    if others and version == LATEST:
        raise invalid_parameter(
            "$LATEST is not supported for an alias pointing to more than 1 version"
        )
    if len(others) > 1:
        raise invalid_parameter(
            "Number of items in AdditionalVersionWeights cannot be greater than 1"
        )
    for other, weight in others.items():
        _check_other(call, version, other, weight)


def _check_other(call: Call, version: str, other: str, weight: float) -> None:
    if other == LATEST or not other.isdigit():
        raise invalid_parameter(f"Invalid function version {other} in the routing configuration.")
    if other == version:
        raise invalid_parameter(
            f"Invalid function version {other}. "
            f"Function version {other} is already included in routing configuration."
        )
    if not 0 <= weight <= 1:
        raise invalid_parameter(f"The weight of version {other} is 0 to 1, not {weight}.")
    call.version(other)


def _check_provisioned(call: Call, name: str, version: str, routing: dict[str, Any]) -> None:
    if name not in call.settings().provisioned:
        return
    if version == LATEST:
        raise invalid_parameter(
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        )
    if routing.get("AdditionalVersionWeights"):
        raise invalid_parameter("Alias with weights can not be used with Provisioned Concurrency")


def _follow(call: Call, name: str) -> None:
    """Provisioned concurrency goes with its alias to another version."""
    config = call.settings().provisioned.get(name)
    if config:
        target = call.functions.find(call.name, name, call.backend.region_name)
        call.functions.provisioned.put((call.arn, name), target.function, config["requested"])
