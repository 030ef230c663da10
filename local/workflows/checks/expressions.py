"""Paths, payload templates, intrinsic functions and JSONata in definitions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from local.workflows.checks.problems import Problem, fault
from local.workflows.intrinsics import Call, Reference, parse_intrinsic
from local.workflows.paths import parse_path
from local.workflows.scanning import SyntaxFault

VARIABLE = re.compile(r"\$[^\W\d]\w*")


def check_path(path: Any, location: str) -> Iterator[Problem]:
    """A path into the input, the context object (`$$`) or a variable, or an intrinsic function."""
    if not isinstance(path, str):
        yield fault("Value must be a valid JSONPath", location)
        return
    try:
        _parse(path)
    except SyntaxFault as error:
        yield fault(f"Value is not a valid JSONPath: {error}", location)


def check_reference_path(path: Any, location: str) -> Iterator[Problem]:
    """A path that names exactly one place of the input."""
    try:
        parsed = parse_path(path) if isinstance(path, str) else None
    except SyntaxFault as error:
        yield fault(f"Value is not a Reference Path: {error}", location)
        return
    if parsed is None or not parsed.definite:
        yield fault(f"Value is not a Reference Path: {path}", location)


def check_template(value: Any, location: str, language: str) -> Iterator[Problem]:
    """A payload template: `name.$` fields in JSONPath states, `{% … %}` in JSONata states."""
    if isinstance(value, dict):
        for name, part in value.items():
            place = f"{location}/{name}"
            if language == "JSONPath" and name.endswith(".$"):
                yield from _check_field(name, part, place)
            else:
                yield from check_template(part, place, language)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from check_template(part, f"{location}[{index}]", language)
    elif isinstance(value, str) and language == "JSONata" and value.startswith("{%"):
        yield from check_jsonata(value, location)


def check_jsonata(text: str, location: str) -> Iterator[Problem]:
    """An expression in `{% … %}`."""
    from jsonata import JException, Jsonata

    if not (text.startswith("{%") and text.endswith("%}")):
        yield fault("Value must be a JSONata expression within {% %}", location)
        return
    try:
        Jsonata(text[2:-2])
    except (JException, ValueError, TypeError, IndexError) as error:
        yield fault(f"Invalid JSONata expression: {error}", location)


def _check_field(name: str, value: Any, location: str) -> Iterator[Problem]:
    said = f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic"
    if not isinstance(value, str):
        yield fault(f"{said} function call", location)
        return
    try:
        _parse(value)
    except SyntaxFault as error:
        yield fault(f"{said} function call: {error}", location)


def _parse(text: str) -> None:
    if text.startswith("States."):
        _parse_references(parse_intrinsic(text))
    elif text.startswith("$$"):
        parse_path(text[1:])
    elif variable := VARIABLE.match(text):
        parse_path("$" + text[variable.end() :])
    else:
        parse_path(text)


def _parse_references(call: Call) -> None:
    for argument in call.arguments:
        if isinstance(argument, Call):
            _parse_references(argument)
        elif isinstance(argument, Reference):
            _parse(argument.path)
