"""Requests checked against botocore's own model of the API, with AWS's words for what is wrong."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator

from local.errors import validation_error


class Shapes:
    """The operations of one AWS service, as botocore describes them."""

    def __init__(self, service: str) -> None:
        self._model = _model(service)

    def check(self, action: str, request: dict[str, Any]) -> None:
        """Raise a ValidationException that lists every fault of `request`."""
        operation: OperationModel = self._model.operation_model(action)
        shape = operation.input_shape
        if shape is None:
            return
        faults = [*_structure_faults(request, shape), *_value_faults(request, shape, "")]
        if faults:
            plural = "s" if len(faults) > 1 else ""
            text = "; ".join(faults)
            raise validation_error(f"{len(faults)} validation error{plural} detected: {text}")


@functools.cache
def _model(service: str) -> ServiceModel:
    """Read once: SageMaker's takes half a second."""
    return botocore.session.get_session().get_service_model(service)


def _structure_faults(request: dict[str, Any], shape: Shape) -> list[str]:
    report = ParamValidator().validate(request, shape)
    return report.generate_report().splitlines() if report.has_errors() else []


def _value_faults(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """Enumerations, patterns, maximum lengths and values, which botocore leaves to the service."""
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, member in shape.members.items():
            if name in value:
                yield from _value_faults(value[name], member, f"{path}.{name}" if path else name)
    elif shape.type_name == "list" and isinstance(value, list):
        yield from _length_faults(value, shape, path)
        for index, item in enumerate(value):
            yield from _value_faults(item, shape.member, f"{path}[{index}]")
    elif shape.type_name == "map" and isinstance(value, dict):
        for key, item in value.items():
            yield from _value_faults(item, shape.value, f"{path}.{key}")
    elif shape.type_name == "string" and isinstance(value, str):
        yield from _string_faults(value, shape, path)
    elif shape.type_name in ("integer", "long") and isinstance(value, int):
        most = shape.metadata.get("max")  # botocore itself looks only at the least
        if most is not None and value > most:
            yield f"'{path}' is {value}; at most {most} is allowed"


def _string_faults(value: str, shape: Shape, path: str) -> Iterator[str]:
    allowed = shape.metadata.get("enum")
    pattern = _compiled(shape.metadata.get("pattern", ""))
    if allowed and value not in allowed:
        yield f"Value '{value}' at '{path}' must be one of {', '.join(sorted(allowed))}"
    elif pattern and not pattern.fullmatch(value):
        yield f"Value '{value[:80]}' at '{path}' must match the pattern {pattern.pattern}"
    else:
        yield from _length_faults(value, shape, path)


def _length_faults(value: Any, shape: Shape, path: str) -> Iterator[str]:
    longest = shape.metadata.get("max")
    if longest is not None and len(value) > longest:
        yield f"'{path}' is {len(value)} long; at most {longest} is allowed"


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern for Python, or None for none and for those that only Java's engine knows."""
    try:
        return re.compile(pattern) if pattern else None
    except re.error:
        return None
