"""What a call needs: the IAM actions, each with a resource and the keys of its conditions.

`needs` looks the operation up in the tables; what it finds are the permissions that AWS's Service
Authorization Reference names for it, the dependent ones (iam:PassRole, sagemaker:AddTags) included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Parameters = Mapping[str, Any]
PLACEHOLDER = re.compile(r"\{([\w.]+)\}")
EVERYTHING = "*"  # the resource of an action that knows none


@dataclass(frozen=True)
class Place:
    """Where a call goes."""

    account: str
    region: str
    partition: str = "aws"

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True)
class Need:
    """One permission that a call needs."""

    action: str
    resource: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


Row = Callable[[Place, Parameters], Iterator[Need]]


def needs(
    tables: Mapping[str, Mapping[str, Row]],
    service: str,
    operation: str,
    parameters: Parameters,
    place: Place,
) -> list[Need] | None:
    """The permissions that a call needs; None for an operation that no table has."""
    row = tables.get(service, {}).get(operation)
    return None if row is None else list(row(place, parameters))


def on(action: str, *resources: str) -> Row:
    """`action` on each resource, such as `model/{ModelName}`, of the action's service.

    A placeholder whose parameter is an ARN makes that the resource. A resource of which the request
    does not tell the name is left out; when that leaves none, everything is meant.
    """
    service = action.partition(":")[0]

    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        found = [_filled(place, service, resource, parameters) for resource in resources]
        for resource in [arn for arn in found if arn] or [EVERYTHING]:
            yield Need(action, resource)

    return row


def all_of(*rows: Row) -> Row:
    """What several rows need, together."""

    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        for one in rows:
            yield from one(place, parameters)

    return row


def where(parameter: str, row: Row) -> Row:
    """What a row needs, but only when the request has the parameter."""

    def only(place: Place, parameters: Parameters) -> Iterator[Need]:
        if look(parameters, parameter):
            yield from row(place, parameters)

    return only


def tagged(row: Row, parameter: str) -> Row:
    """What a row needs, but only when the request brings tags, in whichever protocol."""

    def only(place: Place, parameters: Parameters) -> Iterator[Need]:
        given = (name for name in parameters if name.partition(".")[0] == parameter)
        if any(parameters[name] for name in given):
            yield from row(place, parameters)

    return only


def alike(service: str, resource: str, operations: str) -> dict[str, Row]:
    """Operations whose actions are called as they are, on one resource."""
    return {name: on(f"{service}:{name}", resource) for name in operations.split()}


def passing(parameter: str, service: str) -> Row:
    """iam:PassRole, when the request hands a role to a service."""

    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        role = look(parameters, parameter)
        if role:
            yield Need("iam:PassRole", str(role), {"iam:PassedToService": service})

    return row


def look(parameters: Parameters, path: str) -> Any:
    """The parameter at a dotted path; None when it is not there."""
    found: Any = parameters
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _filled(place: Place, service: str, resource: str, parameters: Parameters) -> str:
    """The resource's ARN; empty when the request does not tell it."""
    values = {name: look(parameters, name) for name in PLACEHOLDER.findall(resource)}
    if any(value is None for value in values.values()):
        return ""
    for value in values.values():
        if str(value).startswith("arn:"):
            return str(value)
    return place.arn(service, PLACEHOLDER.sub(lambda m: str(values[m[1]]), resource))
