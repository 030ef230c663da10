"""The form of a definition document: which fields are objects, lists, text or numbers. Pure.

A form is a type, a list of one form, or an object of forms by field, where "!" marks a field that
must be there. Fields that are not named, and null for the others, are accepted: what they mean is
checked elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Form = Any
NUMBER = (int, float)
WORDS = {
    str: "a string",
    dict: "an object",
    list: "a list",
    int: "an integer",
    bool: "a boolean",
    NUMBER: "a number",
}

PARAMETER: Mapping[str, Form] = {
    "Name!": str,
    "Type!": str,
    "EnumValues": list,
    "MinValue": NUMBER,
    "MaxValue": NUMBER,
}
RETRY_POLICY: Mapping[str, Form] = {
    "ExceptionType": [str],
    "IntervalSeconds": NUMBER,
    "BackoffRate": NUMBER,
    "MaxAttempts": int,
    "ExpireAfterMin": NUMBER,
}
STEP: Mapping[str, Form] = {
    "Name!": str,
    "Type!": str,
    "DisplayName": str,
    "Description": str,
    "Arguments": dict,
    "DependsOn": [str],
    "RetryPolicies": [RETRY_POLICY],
    "CacheConfig": {"Enabled": bool, "ExpireAfter": str},
    "PropertyFiles": [{"PropertyFileName!": str, "OutputName!": str, "FilePath!": str}],
    "OutputParameters": [{"OutputName!": str, "OutputType": str}],
}
DOCUMENT: Mapping[str, Form] = {
    "Parameters": [PARAMETER],
    "PipelineExperimentConfig": dict,
    "Steps": [dict],
}
PROCESSING: Mapping[str, Form] = {"ProcessingOutputConfig": {"Outputs": [dict]}}
CONDITION_STEP: Mapping[str, Form] = {"Conditions": [dict], "IfSteps": [dict], "ElseSteps": [dict]}


def faults(document: Mapping[str, Any]) -> Iterator[str]:
    """Every place where the document has another form, in sentences."""
    found = list(_faults(document, DOCUMENT, "the document"))
    yield from found
    if not found:
        yield from _steps_faults(document["Steps"])


def _steps_faults(steps: list[dict[str, Any]]) -> Iterator[str]:
    for step in steps:
        where = f"the step {step.get('Name')}"
        found = list(_faults(step, STEP, where))
        yield from found
        if not found:
            yield from _argument_faults(step, where)


def _argument_faults(step: dict[str, Any], where: str) -> Iterator[str]:
    arguments = step.get("Arguments") or {}
    if step["Type"] == "Processing":
        yield from _faults(arguments, PROCESSING, where)
    if step["Type"] == "Condition":
        found = list(_faults(arguments, CONDITION_STEP, where))
        yield from found
        if not found:
            yield from _steps_faults(arguments.get("IfSteps") or [])
            yield from _steps_faults(arguments.get("ElseSteps") or [])


def _faults(value: Any, form: Form, where: str) -> Iterator[str]:
    if isinstance(form, Mapping):
        yield from _object_faults(value, form, where)
    elif isinstance(form, list):
        if not isinstance(value, list):
            yield f"{where} must be a list, not {value!r}"
            return
        for index, item in enumerate(value):
            yield from _faults(item, form[0], f"{where}[{index}]")
    elif not isinstance(value, form) or (isinstance(value, bool) and form is not bool):
        yield f"{where} must be {WORDS[form]}, not {value!r}"


def _object_faults(value: Any, form: Mapping[str, Form], where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} must be an object, not {value!r}"
        return
    for field, inner in form.items():
        name = field.rstrip("!")
        if value.get(name) is not None:
            yield from _faults(value[name], inner, f"{where}: {name}")
        elif field.endswith("!"):
            yield f"{where} needs {name}"
