"""The vocabulary of a plan: clients to read with, and changes as values."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from botocore.exceptions import ClientError

Kind = Literal["create", "update", "no-op"]
T = TypeVar("T")


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


def differences(current: Mapping[str, Any], desired: Mapping[str, Any]) -> tuple[str, ...]:
    """Readable lines for what differs, key by key; documents line by line."""
    lines: list[str] = []
    for key in sorted(desired):
        before, after = current.get(key), desired[key]
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            lines += [f"{key}:", *_lines(before, after)]
        else:
            lines.append(f"{key}: {_short(before)} -> {_short(after)}")
    return tuple(lines)


def _lines(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    old, new = (
        json.dumps(value, indent=2, sort_keys=True).splitlines() for value in (before, after)
    )
    found = difflib.unified_diff(old, new, n=1, lineterm="")
    # The first two lines name files, and there are none.
    return ["  " + line for line in list(found)[2:] if not line.startswith("@@")]


def _short(value: Any) -> str:
    return "none" if value in (None, {}, []) else json.dumps(value, sort_keys=True, default=str)


def as_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in AWS's form, sorted."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def from_tags(tags: list[dict[str, str]]) -> dict[str, str]:
    """Tags as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def only(tags: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """The tags whose keys we set ourselves: others may tag a resource too."""
    return {key: value for key, value in tags.items() if key in ours}
