"""Requests and answers of AWS's APIs in the spelling of definitions.

`aws-sdk:` integrations spell as the Java SDK does: `DbInstanceIdentifier` where the API says
`DBInstanceIdentifier`. Answers come back the same way, with times as ISO 8601 and bodies as text.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.eventstream import EventStream
from botocore.model import Shape

from local.workflows.interpreter.size import to_json
from local.workflows.times import iso_8601


@functools.cache
def sdk_name(member: str) -> str:
    """`DBInstanceId` → `DbInstanceId`, `executionArn` → `ExecutionArn`, `ETag` → `ETag`."""
    if member == "NULL":
        return "Nul"  # `null` is a word of Java
    at = 1
    while at < len(member) and member[at].isupper() and not member[at + 1 : at + 2].islower():
        at += 1
    lowered = member[:at].lower() + member[at:]
    return lowered[:1].upper() + lowered[1:]


def api_name(member: str) -> str:
    """The spelling of optimised integrations: the API's own, capitalised."""
    return member[:1].upper() + member[1:]


@dataclass(frozen=True)
class Spelling:
    """Translates one kind of integration; `spell` gives the definition's name of a member."""

    spell: Callable[[str], str]

    def members(self, shape: Shape) -> Mapping[str, tuple[str, Shape]]:
        """The members of a structure by the names that definitions may use."""
        capitalised = {
            name: (name, part) for name, part in shape.members.items() if name[0].isupper()
        }
        spelled = {self.spell(name): (name, part) for name, part in shape.members.items()}
        return capitalised | spelled

    def unknown(self, value: Any, shape: Shape) -> list[str]:
        """The names in a request that the API does not have, at any depth."""
        kind, unknown = shape.type_name, []
        if kind == "structure" and isinstance(value, dict) and not _is_document(shape):
            members = self.members(shape)
            unknown = [name for name in value if name not in members]
            inner = [(value[name], members[name][1]) for name in value if name in members]
        elif kind == "list" and isinstance(value, list):
            inner = [(item, shape.member) for item in value]
        elif kind == "map" and isinstance(value, dict):
            inner = [(item, shape.value) for item in value.values()]
        else:
            inner = []
        return unknown + [name for item, part in inner for name in self.unknown(item, part)]

    def to_request(self, value: Any, shape: Shape) -> Any:
        """A request as boto takes it. What the API does not know stays as it is."""
        kind = shape.type_name
        if kind == "structure" and isinstance(value, dict) and not _is_document(shape):
            members = self.members(shape)
            return {
                members[key][0] if key in members else key: self.to_request(part, members[key][1])
                if key in members
                else part
                for key, part in value.items()
            }
        if kind == "list" and isinstance(value, list):
            return [self.to_request(item, shape.member) for item in value]
        if kind == "map" and isinstance(value, dict):
            return {key: self.to_request(item, shape.value) for key, item in value.items()}
        if kind == "blob" and not isinstance(value, bytes):
            return to_json(value).encode()
        if kind == "string" and not isinstance(value, str) and value is not None:
            return to_json(value)
        return value

    def to_answer(self, value: Any, shape: Shape) -> Any:
        """boto's answer as the next state sees it."""
        kind = shape.type_name
        if kind == "structure" and isinstance(value, dict) and not _is_document(shape):
            return {
                self.spell(key): self.to_answer(item, shape.members[key])
                for key, item in value.items()
                if key in shape.members and not isinstance(item, EventStream)
            }
        if kind == "list" and isinstance(value, list):
            return [self.to_answer(item, shape.member) for item in value]
        if kind == "map" and isinstance(value, dict):
            return {key: self.to_answer(item, shape.value) for key, item in value.items()}
        return plain(value)


def _is_document(shape: Shape) -> bool:
    return bool(getattr(shape, "is_document_type", False))


def plain(value: Any) -> Any:
    """Times and bodies as JSON can have them."""
    if isinstance(value, datetime):
        return iso_8601(value)
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytes | bytearray):
        return _text(bytes(value))
    return value


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode()


SDK = Spelling(sdk_name)  # aws-sdk:…
OPTIMISED = Spelling(api_name)
