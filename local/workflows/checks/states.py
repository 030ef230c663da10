"""The fields of one state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local.workflows.checks.expressions import (
    check_path,
    check_reference_path,
    check_template,
)
from local.workflows.checks.failures import check_catch, check_retry
from local.workflows.checks.problems import Problem, fault
from local.workflows.checks.resources import check_resource
from local.workflows.checks.rules import check_rule

EVERY = {"Type", "Comment", "QueryLanguage"}
FLOW = {"Next", "End"}
IN_AND_OUT = {"InputPath", "OutputPath"}
RESULTS = {"ResultPath", "ResultSelector"}
FAILURES = {"Retry", "Catch"}
LIMITS = ("TimeoutSeconds", "HeartbeatSeconds")
TOLERATED = ("ToleratedFailureCount", "ToleratedFailurePercentage")
# The fields of each type in both query languages, and those of JSONPath alone.
FIELDS: Mapping[str, tuple[set[str], set[str]]] = {
    "Pass": (FLOW | {"Assign"}, IN_AND_OUT | {"Result", "ResultPath", "Parameters"}),
    "Task": (
        FLOW | FAILURES | {"Resource", "Credentials", "Assign", *LIMITS},
        IN_AND_OUT | RESULTS | {"Parameters", *(f"{name}Path" for name in LIMITS)},
    ),
    "Choice": ({"Choices", "Default", "Assign"}, IN_AND_OUT),
    "Wait": (
        FLOW | {"Seconds", "Timestamp", "Assign"},
        IN_AND_OUT | {"SecondsPath", "TimestampPath"},
    ),
    "Succeed": (set(), IN_AND_OUT),
    "Fail": ({"Error", "Cause"}, {"ErrorPath", "CausePath"}),
    "Parallel": (FLOW | FAILURES | {"Branches", "Assign"}, IN_AND_OUT | RESULTS | {"Parameters"}),
    "Map": (
        FLOW
        | FAILURES
        | {"ItemProcessor", "Iterator", "ItemSelector", "ItemReader", "ItemBatcher"}
        | {"ResultWriter", "MaxConcurrency", "Label", "Assign", *TOLERATED},
        IN_AND_OUT
        | RESULTS
        | {"ItemsPath", "Parameters", "MaxConcurrencyPath", *(f"{name}Path" for name in TOLERATED)},
    ),
}
JSONATA = {"Pass": {"Output"}, "Choice": {"Output"}, "Wait": {"Output"}, "Succeed": {"Output"}} | {
    "Task": {"Arguments", "Output"},
    "Parallel": {"Arguments", "Output"},
    "Map": {"Items", "Output"},
}
REQUIRED = {"Task": ("Resource",), "Choice": ("Choices",), "Parallel": ("Branches",)}
PATHS = ("InputPath", "OutputPath", "ItemsPath", "SecondsPath", "TimestampPath")
NUMBER_PATHS = ("MaxConcurrencyPath", *(f"{name}Path" for name in (*LIMITS, *TOLERATED)))
TEMPLATES = (
    "Parameters",
    "Arguments",
    "ResultSelector",
    "ItemSelector",
    "Assign",
    "Output",
    "Items",
)


def check_state(state: Any, location: str, language: str) -> Iterator[Problem]:
    """Everything that is wrong with one state; transitions are the machine's business."""
    if not isinstance(state, dict):
        yield fault("A state must be an object", location)
        return
    kind = state.get("Type")
    if kind not in FIELDS:
        known = ", ".join(sorted(FIELDS))
        yield fault(f"Value must be one of {known}; it is {kind!r}", f"{location}/Type")
        return
    language = state.get("QueryLanguage", language)
    yield from _check_fields(state, str(kind), location, language)
    yield from _check_values(state, location, language)
    yield from _check_parts(state, location, language)
    for name in TEMPLATES:
        if name in state:
            yield from check_template(state[name], f"{location}/{name}", language)


def _check_fields(
    state: dict[str, Any], kind: str, location: str, language: str
) -> Iterator[Problem]:
    both, of_paths = FIELDS[kind]
    known = EVERY | both | (of_paths if language == "JSONPath" else JSONATA.get(kind, set()))
    for name in sorted(state.keys() - known):
        yield fault("Field is not supported", f"{location}/{name}")
    for name in REQUIRED.get(kind, ()):
        if name not in state:
            yield fault(f"The field '{name}' is required but was missing", location)
    if both >= FLOW and ("Next" in state) == (state.get("End") is True):
        yield fault("Exactly one of 'Next' and 'End: true' is required", location)
    yield from _check_exclusive(state, kind, location)


def _check_exclusive(state: dict[str, Any], kind: str, location: str) -> Iterator[Problem]:
    groups: list[tuple[str, ...]] = [(name, f"{name}Path") for name in (*LIMITS, *TOLERATED)]
    groups += [("Error", "ErrorPath"), ("Cause", "CausePath"), ("ItemProcessor", "Iterator")]
    for group in groups:
        if all(name in state for name in group):
            yield fault(f"Only one of {' and '.join(group)} may be given", location)
    waits = {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"} & state.keys()
    if kind == "Wait" and len(waits) != 1:
        yield fault("Exactly one of Seconds, SecondsPath, Timestamp, TimestampPath", location)
    if kind == "Map" and not {"ItemProcessor", "Iterator"} & state.keys():
        yield fault("The field 'ItemProcessor' is required but was missing", location)


def _check_values(state: dict[str, Any], location: str, language: str) -> Iterator[Problem]:
    for name in PATHS:
        if state.get(name) is not None:
            yield from check_path(state[name], f"{location}/{name}")
    for name in NUMBER_PATHS:
        if name in state:
            yield from check_path(state[name], f"{location}/{name}")
    if state.get("ResultPath") is not None:
        yield from check_reference_path(state["ResultPath"], f"{location}/ResultPath")
    for name in (*LIMITS, "Seconds"):
        value = state.get(name)
        least = 0 if name == "Seconds" else 1
        if value is None or (language == "JSONata" and isinstance(value, str)):
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 99999999:
            yield fault("Value must be a positive integer", f"{location}/{name}")
    limit, heartbeat = (state.get(name) for name in LIMITS)
    if isinstance(limit, int) and isinstance(heartbeat, int) and heartbeat >= limit:
        place = f"{location}/HeartbeatSeconds"
        yield fault("HeartbeatSeconds must be less than TimeoutSeconds", place)


def _check_parts(state: dict[str, Any], location: str, language: str) -> Iterator[Problem]:
    for name, check in (("Retry", check_retry), ("Catch", check_catch)):
        if name in state:
            yield from check(state[name], f"{location}/{name}", language)
    if "Resource" in state:
        yield from check_resource(state, location, language)
    choices = state.get("Choices", [])
    if not isinstance(choices, list) or ("Choices" in state and not choices):
        yield fault("A list of at least one rule is required", f"{location}/Choices")
        return
    for index, rule in enumerate(choices):
        yield from check_rule(rule, f"{location}/Choices[{index}]", language)
