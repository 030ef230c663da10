"""Retry and Catch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local.workflows.checks.expressions import check_reference_path, check_template
from local.workflows.checks.problems import Problem, fault

ALL = "States.ALL"
RETRY = {
    *("ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds"),
    *("JitterStrategy", "Comment"),
}
CATCH = {
    "JSONPath": {"ErrorEquals", "Next", "ResultPath", "Assign", "Comment"},
    "JSONata": {"ErrorEquals", "Next", "Assign", "Output", "Comment"},
}
# The least and the most of each number.
NUMBERS = {
    "IntervalSeconds": (1.0, 99_999_999.0),
    "MaxAttempts": (0.0, 99_999_999.0),
    "BackoffRate": (1.0, float("inf")),
    "MaxDelaySeconds": (1.0, 31_622_400.0),
}


def check_retry(retriers: Any, location: str, language: str) -> Iterator[Problem]:
    yield from _check_list(retriers, location, RETRY)
    for index, retrier in _objects(retriers):
        place = f"{location}[{index}]"
        for name, (least, most) in NUMBERS.items():
            if name in retrier and not _is_number(retrier[name], name, least, most):
                kind = "number" if name == "BackoffRate" else "whole number"
                yield fault(f"Value must be a {kind} of at least {least:.0f}", f"{place}/{name}")
        if retrier.get("JitterStrategy", "NONE") not in ("FULL", "NONE"):
            yield fault("Value must be one of FULL, NONE", f"{place}/JitterStrategy")
        delay, first = retrier.get("MaxDelaySeconds"), retrier.get("IntervalSeconds", 1)
        if isinstance(delay, int) and isinstance(first, int) and delay <= first:
            where = f"{place}/MaxDelaySeconds"
            yield fault("MaxDelaySeconds must be greater than IntervalSeconds", where)


def check_catch(catchers: Any, location: str, language: str) -> Iterator[Problem]:
    yield from _check_list(catchers, location, CATCH[language])
    for index, catcher in _objects(catchers):
        place = f"{location}[{index}]"
        if not isinstance(catcher.get("Next"), str):
            yield fault("The field 'Next' is required but was missing", place)
        if catcher.get("ResultPath") is not None:
            yield from check_reference_path(catcher["ResultPath"], f"{place}/ResultPath")
        for name in {"Assign", "Output"} & catcher.keys():
            yield from check_template(catcher[name], f"{place}/{name}", language)


def _check_list(rules: Any, location: str, known: set[str]) -> Iterator[Problem]:
    """What Retry and Catch have in common."""
    if not isinstance(rules, list):
        yield fault("Value must be a list", location)
        return
    for index, rule in enumerate(rules):
        place = f"{location}[{index}]"
        if not isinstance(rule, dict):
            yield fault("Value must be an object", place)
            continue
        for name in sorted(rule.keys() - known):
            yield fault("Field is not supported", f"{place}/{name}")
        yield from _check_names(rule.get("ErrorEquals"), place, last=index == len(rules) - 1)


def _check_names(names: Any, location: str, last: bool) -> Iterator[Problem]:
    place = f"{location}/ErrorEquals"
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        yield fault("A list of at least one error name is required", place)
    elif ALL in names and (len(names) > 1 or not last):
        yield fault("States.ALL must appear alone, and in the last of the list", place)


def _is_number(value: Any, name: str, least: float, most: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return least <= value <= most and (name == "BackoffRate" or isinstance(value, int))


def _objects(rules: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, rule in enumerate(rules if isinstance(rules, list) else []):
        if isinstance(rule, dict):
            yield index, rule
