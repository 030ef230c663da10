"""The vocabulary of a plan: clients to read with, and changes as values."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from botocore.exceptions import ClientError

Kind = Literal["create", "update", "replace", "delete", "no-op", "stop", "keep"]
SIGNS: Mapping[Kind, str] = {
    "create": "+",
    "update": "~",
    "replace": "±",
    "delete": "-",
    "no-op": "=",
    "stop": "-",
    "keep": "=",
}
T = TypeVar("T")
# Where the message does not say that it "already exists".
ALREADY_THERE = ("BucketAlreadyOwnedByYou", "EntityAlreadyExists", "QueueNameExists")
STACK_TAG = "foundation"  # of what a stack made: the stack's name
LONGEST = 160  # characters of a value that a plan shows


@dataclass(frozen=True)
class Clients:
    """What provisioning reaches AWS with: a boto3 client by service name, and how to wait.

    `make` is asked for a client each time one is needed, so that it should keep them.
    """

    make: Callable[[str], Any]
    sleep: Callable[[float], None] = time.sleep

    def __call__(self, service: str) -> Any:
        return self.make(service)


class Described(Protocol):
    """A resource as it should be."""

    @property
    def name(self) -> str: ...

    def properties(self) -> dict[str, Any]:
        """What is compared with the resource that exists."""


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
        head = f"{SIGNS[self.kind]} {self.kind:<6} {self.resource:<19} {self.name}  ({self.reason})"
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


def compare(resource: str, current: Mapping[str, Any] | None, desired: Described) -> Change:
    """The change that makes `current` what is desired; None is a resource that is not there.

    What a stack made is brought up to date by that stack alone.
    """
    if current is None:
        return Change("create", resource, desired.name, "it does not exist", desired)
    if stack := current.get("tags", {}).get(STACK_TAG):
        return Change("no-op", resource, desired.name, f"the stack '{stack}' has it", desired)
    diff = differences(current, desired.properties())
    if diff:
        return Change("update", resource, desired.name, _reason(diff), desired, diff)
    return Change("no-op", resource, desired.name, "unchanged", desired)


def _reason(diff: tuple[str, ...]) -> str:
    """Which properties differ, in words."""
    keys = sorted({re.split(r"[.:\[]", line)[0].replace("_", " ") for line in diff})
    singular = len(keys) == 1 and not keys[0].endswith("s")
    return f"{', '.join(keys)} {'differs' if singular else 'differ'}"


def or_none(call: Callable[[], T], *codes: str) -> T | None:
    """The call's answer, or None where AWS answers with one of `codes`."""
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] in codes:
            return None
        raise


def unless_there(create: Callable[[], T]) -> T | None:
    """The answer of a creating call, or None where somebody else was faster."""
    try:
        return create()
    except ClientError as error:
        fault = error.response["Error"]
        there = "already exist" in fault["Message"].lower() or fault["Code"] in ALREADY_THERE
        if there and fault["Code"] != "BucketAlreadyExists":  # in somebody else's account
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
    """The tags whose keys we set ourselves, and a stack's: others may tag a resource too."""
    return {key: value for key, value in tags.items() if key in ours or key == STACK_TAG}


def by_sid(policy: Mapping[str, Any]) -> dict[str, Any]:
    """A policy document with its statements by name, so that a diff names what changed."""
    statements = policy.get("Statement", [])
    if not all("Sid" in statement for statement in statements):
        return dict(policy)
    return {**policy, "Statement": {statement["Sid"]: statement for statement in statements}}
