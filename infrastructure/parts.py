"""The words of templates: references, conditions, resources, tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provision.change import STACK_TAG

Node = dict[str, Any]
# A creation that fails takes back what it made: the next one would find the name taken.
KEPT = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}


def ref(name: str) -> Node:
    return {"Ref": name}


def sub(text: str) -> Node:
    return {"Fn::Sub": text}


def attribute(name: str, of: str) -> Node:
    return {"Fn::GetAtt": [name, of]}


def choose(condition: str, value: Any, otherwise: Any = None) -> Node:
    """The value where the condition holds, else the other; None leaves the property out."""
    return {"Fn::If": [condition, value, ref("AWS::NoValue") if otherwise is None else otherwise]}


def given(parameter: str) -> Node:
    """Whether the parameter has a value."""
    return {"Fn::Not": [equals(parameter, "")]}


def equals(parameter: str, value: str) -> Node:
    return {"Fn::Equals": [ref(parameter), value]}


def is_true(parameter: str) -> Node:
    return equals(parameter, "true")


def resource(
    kind: str,
    properties: Mapping[str, Any],
    *,
    condition: str = "",
    kept: bool = False,
    excused: Mapping[str, str] | None = None,
) -> Node:
    """A resource; a kept one outlives its stack.

    `excused` are findings of checkov that are meant so, each with the reason.
    """
    skip = [{"id": check, "comment": reason} for check, reason in (excused or {}).items()]
    return {
        "Type": kind,
        **({"Condition": condition} if condition else {}),
        **(KEPT if kept else {}),
        **({"Metadata": {"checkov": {"skip": skip}}} if skip else {}),
        "Properties": dict(properties),
    }


def tags() -> list[Node]:
    """Tags of every resource; the last tells `upsert` to leave it alone."""
    values = {"environment": ref("Environment"), "owner": ref("Owner")}
    return [
        {"Key": key, "Value": value}
        for key, value in {**values, STACK_TAG: ref("AWS::StackName")}.items()
    ]
