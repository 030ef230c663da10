"""What a type of resource knows: how one is made, put right and deleted, and what it tells."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

GONE = ("NoSuch", "NotFound", "NonExistent", "DoesNotExist", "404")


@dataclass(frozen=True)
class Order:
    """One resource as its template wants it.

    `name` is what it is called where the template gives it no name of its own. `tags` are its own
    and those of its stack.
    """

    client: Callable[[str], Any]
    region: str
    account: str
    name: str
    properties: Mapping[str, Any]
    tags: Mapping[str, str]

    def named(self, key: str) -> str:
        """The name that the template gives, else the made-up one."""
        return str(self.properties.get(key) or self.name)

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def some(self, *keys: str) -> dict[str, Any]:
        """Those of the properties that are there."""
        return {key: self.properties[key] for key in keys if key in self.properties}

    @property
    def tag_list(self) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]


def nothing(order: Order, physical: str) -> None:
    """What is put right of a type that is only ever replaced."""


def no_attributes(order: Order, physical: str) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Kind:
    """A type.

    Attributes:
        create: makes the resource; returns its physical id, which is what `Ref` gives.
        delete: deletes it.
        properties: the properties that are known.
        put: sets all that can be set of one that is there.
        attributes: what `Fn::GetAtt` gives.
        fixed: properties whose change takes another resource; all of them where there is no `put`.
        same_name: the physical id that `create` would return, where that is known before.
    """

    create: Callable[[Order], str]
    delete: Callable[[Order, str], None]
    properties: frozenset[str]
    put: Callable[[Order, str], None] = nothing
    attributes: Callable[[Order, str], Mapping[str, Any]] = no_attributes
    fixed: frozenset[str] = field(default_factory=frozenset)
    same_name: Callable[[Order], str] | None = None

    def replaces(self, changed: set[str]) -> bool:
        """Whether a change of these properties takes another resource."""
        return self.put is nothing or bool(self.fixed & changed)


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def is_gone(error: ClientError) -> bool:
    """Whether the API says that what it was asked for is not there."""
    return any(part in error.response["Error"]["Code"] for part in GONE)


def document(value: Any) -> str:
    """A policy as the APIs want it."""
    return value if isinstance(value, str) else json.dumps(value)


def typed(client: Any, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """The request with numbers and flags where the API has them: parameters are texts."""
    name = client.meta.method_to_api_mapping[operation]
    shape = client.meta.service_model.operation_model(name).input_shape
    found: dict[str, Any] = _typed(shape, request)
    return found


def _typed(shape: Any, value: Any) -> Any:
    if shape.type_name == "structure" and isinstance(value, Mapping):
        members = shape.members
        return {k: _typed(members[k], v) if k in members else v for k, v in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [_typed(shape.member, item) for item in value]
    if isinstance(value, str) and shape.type_name in ("integer", "long"):
        return int(value)
    if shape.type_name in ("float", "double"):
        return float(value)
    if isinstance(value, str) and shape.type_name == "boolean":
        return value.lower() == "true"
    return str(value) if shape.type_name == "string" and not isinstance(value, str) else value
