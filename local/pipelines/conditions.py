"""Conditions of Condition steps: `Equals`, the four orders, `In`, `Not`, `And` and `Or`. Pure."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local.pipelines.values import Scope, ValueFault, resolve

Comparison = Callable[[Any, Any], bool]


def evaluate(condition: dict[str, Any], scope: Scope) -> bool:
    """Whether the condition holds; raises ValueFault when its values cannot be compared."""
    return CONDITIONS[condition["Type"]](condition, scope)


def evaluate_all(conditions: Iterable[dict[str, Any]], scope: Scope) -> bool:
    """Whether every condition of a step holds; all are resolved, so that faults always show."""
    outcomes = [evaluate(condition, scope) for condition in conditions]
    return all(outcomes)


def problems(condition: Any) -> list[str]:
    """What is wrong with a condition's form, in sentences."""
    kind = condition.get("Type") if isinstance(condition, dict) else condition
    if not isinstance(kind, str) or kind not in CONDITIONS or not isinstance(condition, dict):
        return [f"the condition type {kind!r} is not known; there are {', '.join(CONDITIONS)}"]
    missing = [field for field in FIELDS.get(kind, COMPARED) if field not in condition]
    if missing:
        return [f"the condition {kind} needs {' and '.join(missing)}"]
    if kind == "Not":
        return problems(condition["Condition"])
    for field in ("Conditions", "Values"):
        if field in condition and not isinstance(condition[field], list):
            return [f"{field} of the condition {kind} must be a list, not {condition[field]!r}"]
    return [problem for each in condition.get("Conditions", []) for problem in problems(each)]


def _compare(compare: Comparison, ordered: bool) -> Callable[[dict[str, Any], Scope], bool]:
    def holds(condition: dict[str, Any], scope: Scope) -> bool:
        left = resolve(condition["LeftValue"], scope)
        right = resolve(condition["RightValue"], scope)
        _check_comparable(condition["Type"], left, right, ordered)
        return compare(left, right)

    return holds


def _check_comparable(kind: str, left: Any, right: Any, ordered: bool) -> None:
    types = {_type(left), _type(right)}
    if len(types) == 1 and not (ordered and types == {"Boolean"}) and "" not in types:
        return
    raise ValueFault(
        f"{kind} cannot compare {_shown(left)} with {_shown(right)}; "
        "both must be numbers, or both strings" + ("." if ordered else ", or both booleans.")
    )


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, (int, float)):
        return "Number"
    return "String" if isinstance(value, str) else ""


def _shown(value: Any) -> str:
    return f"the {(_type(value) or type(value).__name__).lower()} {value!r}"


def _in(condition: dict[str, Any], scope: Scope) -> bool:
    value = resolve(condition["QueryValue"], scope)
    choices = resolve(condition["Values"], scope)
    return any(_type(value) == _type(choice) and value == choice for choice in choices)


def _not(condition: dict[str, Any], scope: Scope) -> bool:
    return not evaluate(condition["Condition"], scope)


def _or(condition: dict[str, Any], scope: Scope) -> bool:
    outcomes = [evaluate(inner, scope) for inner in condition["Conditions"]]
    return any(outcomes)


def _and(condition: dict[str, Any], scope: Scope) -> bool:
    return evaluate_all(condition["Conditions"], scope)


CONDITIONS: Mapping[str, Callable[[dict[str, Any], Scope], bool]] = {
    "Equals": _compare(operator.eq, ordered=False),
    "GreaterThan": _compare(operator.gt, ordered=True),
    "GreaterThanOrEqualTo": _compare(operator.ge, ordered=True),
    "LessThan": _compare(operator.lt, ordered=True),
    "LessThanOrEqualTo": _compare(operator.le, ordered=True),
    "In": _in,
    "Not": _not,
    "And": _and,
    "Or": _or,
}
COMPARED = ("LeftValue", "RightValue")
FIELDS = {
    "In": ("QueryValue", "Values"),
    "Not": ("Condition",),
    "And": ("Conditions",),
    "Or": ("Conditions",),
}
