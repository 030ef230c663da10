"""The values of a template's parameters: given, kept from before, or default; all checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from local.stacks.template import invalid

LISTS = ("CommaDelimitedList", "List<")


def parameter_values(
    template: Mapping[str, Any], given: Sequence[Mapping[str, Any]], before: Mapping[str, str]
) -> dict[str, str]:
    """Every parameter's value as text; raises ApiError with all problems."""
    declared = template.get("Parameters", {})
    found = {item["ParameterKey"]: item for item in given}
    if unknown := sorted(set(found) - set(declared)):
        raise invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values, missing, wrong = {}, [], []
    for name, node in declared.items():
        item = found.get(name, {})
        value = before.get(name) if item.get("UsePreviousValue") else item.get("ParameterValue")
        if value is None and "Default" in node:
            value = _text(node["Default"])
        if value is None:
            missing.append(name)
        elif not _fits(node, value):
            wrong.append(f"{name} = '{value}'")
        else:
            values[name] = value
    if missing:
        raise invalid(f"Parameters: [{', '.join(missing)}] must have values")
    if wrong:
        raise invalid(f"Parameters do not fit their constraints: {', '.join(wrong)}")
    return values


def typed(template: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """What `Ref` gives of each parameter: lists for lists."""
    declared = template.get("Parameters", {})
    return {
        name: value.split(",") if declared[name]["Type"].startswith(LISTS) else value
        for name, value in values.items()
    }


def _fits(node: Mapping[str, Any], value: str) -> bool:
    allowed = [_text(item) for item in node.get("AllowedValues", [value])]
    if value not in allowed or not re.fullmatch(node.get("AllowedPattern", ".*"), value, re.DOTALL):
        return False
    if node["Type"] == "Number":
        return _is_number(value) and _within(float(value), node, "Value")
    return _within(len(value), node, "Length")


def _within(number: float, node: Mapping[str, Any], of: str) -> bool:
    low, high = node.get(f"Min{of}", number), node.get(f"Max{of}", number)
    return float(low) <= number <= float(high)


def _is_number(value: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", value) is not None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
