"""The rules of Choice states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local.workflows.checks.expressions import check_jsonata, check_path, check_template
from local.workflows.checks.problems import Problem, fault

ORDERS = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
VALUES: dict[str, type | tuple[type, ...]] = {
    **{f"String{order}": str for order in ORDERS},
    **{f"Numeric{order}": (int, float) for order in ORDERS},
    **{f"Timestamp{order}": str for order in ORDERS},
    "BooleanEquals": bool,
    "StringMatches": str,
    **{
        f"Is{kind}": bool
        for kind in ("Null", "Present", "Numeric", "String", "Boolean", "Timestamp")
    },
}
WITH_PATH = {f"{name}Path" for name in VALUES if not name.startswith("Is")} - {"StringMatchesPath"}
COMBINED = ("And", "Or", "Not")


def check_rule(rule: Any, location: str, language: str, nested: bool = False) -> Iterator[Problem]:
    """A rule, and the rules within it."""
    if not isinstance(rule, dict):
        yield fault("Value must be an object", location)
        return
    if not nested and not isinstance(rule.get("Next"), str):
        yield fault("The field 'Next' is required but was missing", location)
    if nested and "Next" in rule:
        yield fault("Next is allowed in outermost rules alone", f"{location}/Next")
    if "Assign" in rule:
        yield from check_template(rule["Assign"], f"{location}/Assign", language)
    if language == "JSONata":
        yield from _check_condition(rule, location)
    else:
        yield from _check_comparison(rule, location)


def _check_condition(rule: dict[str, Any], location: str) -> Iterator[Problem]:
    for name in sorted(rule.keys() - {"Condition", "Next", "Assign", "Output", "Comment"}):
        yield fault("Field is not supported", f"{location}/{name}")
    condition = rule.get("Condition")
    if isinstance(condition, str):
        yield from check_jsonata(condition, f"{location}/Condition")
    elif not isinstance(condition, bool):
        yield fault("The field 'Condition' is required but was missing", location)


def _check_comparison(rule: dict[str, Any], location: str) -> Iterator[Problem]:
    known = VALUES.keys() | WITH_PATH | set(COMBINED)
    tests = sorted(known & rule.keys())
    for name in sorted(rule.keys() - known - {"Variable", "Next", "Assign", "Comment"}):
        yield fault("Field is not supported", f"{location}/{name}")
    if len(tests) != 1:
        yield fault("Exactly one comparison is required", location)
        return
    [name] = tests
    if name in COMBINED:
        yield from _check_combined(name, rule[name], f"{location}/{name}")
        return
    if "Variable" not in rule:
        yield fault("The field 'Variable' is required but was missing", location)
    else:
        yield from check_path(rule["Variable"], f"{location}/Variable")
    if name in WITH_PATH:
        yield from check_path(rule[name], f"{location}/{name}")
    elif not _is(rule[name], VALUES[name]):
        yield fault("Value is of the wrong type for this comparison", f"{location}/{name}")


def _check_combined(name: str, inner: Any, location: str) -> Iterator[Problem]:
    if name == "Not":
        yield from check_rule(inner, location, "JSONPath", nested=True)
        return
    if not isinstance(inner, list) or not inner:
        yield fault("A list of at least one rule is required", location)
        return
    for index, rule in enumerate(inner):
        yield from check_rule(rule, f"{location}[{index}]", "JSONPath", nested=True)


def _is(value: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
