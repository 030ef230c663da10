"""The vocabulary of a plan: clients to read with, and changes as values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from botocore.exceptions import ClientError

Kind = Literal["create", "update", "no-op"]
T = TypeVar("T")
LONGEST = 160  # characters of a value that a plan shows


@dataclass(frozen=True)
class Clients:
    """The boto3 clients that provisioning needs."""

    s3: Any
    sagemaker: Any


@dataclass(frozen=True)
class Change:
    """What would happen to one resource, and why.

    `desired` is the resource as it should be, which apply hands to the code of its type.
    """

    kind: Kind
    resource: str
    name: str
    reason: str
    desired: Any = field(repr=False)
    diff: tuple[str, ...] = ()

    def __str__(self) -> str:
        sign = {"create": "+", "update": "~", "no-op": "="}[self.kind]
        head = f"{sign} {self.kind:<6} {self.resource:<19} {self.name}  ({self.reason})"
        return "\n".join([head, *(f"      {line}" for line in self.diff)])

    def as_dict(self) -> dict[str, Any]:
        """The change for `--json`."""
        return {
            "kind": self.kind,
            "resource": self.resource,
            "name": self.name,
            "reason": self.reason,
            "diff": list(self.diff),
        }


@dataclass(frozen=True)
class Result:
    """What apply did to one resource; `detail` is an ARN, a URI or a count."""

    change: Change
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """The result for `--json`."""
        return {**self.change.as_dict(), "detail": self.detail}


def or_none(call: Callable[[], T], *codes: str) -> T | None:
    """The call's answer, or None where AWS answers with one of `codes`."""
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] in codes:
            return None
        raise


def differences(current: Any, desired: Any, path: str = "") -> tuple[str, ...]:
    """A readable line for each value that differs, with the path to it."""
    if current == desired:
        return ()
    pairs = _paired(current, desired)
    if pairs is None:
        return (f"{path}: {_short(current)} -> {_short(desired)}",)
    # A key that is on one side only has None on the other.
    lines = (differences(before, after, f"{path}{step}") for step, before, after in pairs)
    return tuple(line.removeprefix(".") for found in lines for line in found)


def _paired(current: Any, desired: Any) -> list[tuple[str, Any, Any]] | None:
    """What stands inside both, as (step of the path, before, after); None for plain values."""
    if isinstance(current, Mapping) and isinstance(desired, Mapping):
        keys = sorted({*current, *desired})
        return [(f".{key}", current.get(key), desired.get(key)) for key in keys]
    if isinstance(current, list) and isinstance(desired, list) and len(current) == len(desired):
        both = zip(current, desired, strict=True)
        return [(f"[{index}]", *pair) for index, pair in enumerate(both)]
    return None


def _short(value: Any) -> str:
    text = "none" if value in (None, {}, []) else json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def as_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in AWS's form, sorted."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def from_tags(tags: list[dict[str, str]]) -> dict[str, str]:
    """Tags as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def only(tags: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """The tags whose keys we set ourselves: others may tag a resource too."""
    return {key: value for key, value in tags.items() if key in ours}
