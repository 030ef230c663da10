"""Pipeline parameters: their declarations, and the values that one execution gives them. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


class ParameterFault(Exception):
    """A parameter's value does not fit; the message is one sentence."""


@dataclass(frozen=True)
class Parameter:
    """One declared parameter; `default` None means that every start must give a value."""

    name: str
    type: str
    default: Any = None
    enum_values: tuple[Any, ...] = ()
    min_value: float | None = None
    max_value: float | None = None


def declare(declaration: dict[str, Any]) -> Parameter:
    """Read one entry of a definition's Parameters; raises ParameterFault."""
    name, kind = declaration.get("Name"), declaration.get("Type")
    if not isinstance(name, str) or not name:
        raise ParameterFault(f"A parameter has no Name: {declaration!r}.")
    if not isinstance(kind, str) or kind not in READERS:
        raise ParameterFault(
            f"The parameter {name} has the type {kind!r}; it must be {', '.join(READERS)}."
        )
    parameter = Parameter(
        name,
        kind,
        declaration.get("DefaultValue"),
        tuple(declaration.get("EnumValues") or ()),
        declaration.get("MinValue"),
        declaration.get("MaxValue"),
    )
    if parameter.default is not None:
        check(parameter, _typed_default(parameter))
    return parameter


def bind(parameters: Iterable[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Values by name for one execution, typed; raises ParameterFault for the first misfit."""
    declared = {parameter.name: parameter for parameter in parameters}
    unknown = [name for name in given if name not in declared]
    if unknown:
        names = ", ".join(declared) or "none"
        raise ParameterFault(f"There is no pipeline parameter {unknown[0]}; there are: {names}.")
    missing = [p.name for p in declared.values() if p.default is None and p.name not in given]
    if missing:
        raise ParameterFault(
            f"The pipeline parameter {missing[0]} has no default; give it a value."
        )
    return {name: _value(parameter, given) for name, parameter in declared.items()}


def _value(parameter: Parameter, given: Mapping[str, Any]) -> Any:
    if parameter.name not in given:
        return _typed_default(parameter)
    value = read(parameter, given[parameter.name])
    check(parameter, value)
    return value


def read(parameter: Parameter, value: Any) -> Any:
    """A value from a Start… request, where all values are strings, in the parameter's own type."""
    try:
        return READERS[parameter.type](str(value).strip() if parameter.type != "String" else value)
    except (ValueError, KeyError) as error:
        raise ParameterFault(
            f"The pipeline parameter {parameter.name} is of type {parameter.type}, "
            f"which {value!r} is not."
        ) from error


def _typed_default(parameter: Parameter) -> Any:
    expected = DEFAULT_TYPES[parameter.type]
    default = parameter.default
    if not isinstance(default, expected) or isinstance(default, bool) != (
        parameter.type == "Boolean"
    ):
        raise ParameterFault(
            f"The default of the parameter {parameter.name} must be of type {parameter.type}, "
            f"which {default!r} is not."
        )
    return float(default) if parameter.type == "Float" else default


def check(parameter: Parameter, value: Any) -> None:
    """Check a typed value against the declaration's limits; raises ParameterFault."""
    subject = f"The pipeline parameter {parameter.name} is {value!r}"
    if parameter.enum_values and value not in parameter.enum_values:
        allowed = ", ".join(map(str, parameter.enum_values))
        raise ParameterFault(f"{subject}; it must be one of {allowed}.")
    if parameter.min_value is not None and value < parameter.min_value:
        raise ParameterFault(f"{subject}; it must be at least {parameter.min_value}.")
    if parameter.max_value is not None and value > parameter.max_value:
        raise ParameterFault(f"{subject}; it must be at most {parameter.max_value}.")


def written(value: Any) -> str:
    """A typed value as ListPipelineParametersForExecution answers it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _integer(text: str) -> int:
    if "_" in text:  # Python's own spelling of large numbers, which AWS does not know
        raise ValueError(text)
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if "_" in text or not math.isfinite(number):
        raise ValueError(text)
    return number


READERS: Mapping[str, Callable[[str], Any]] = {
    "String": str,
    "Integer": _integer,
    "Float": _float,
    "Boolean": lambda text: {"true": True, "false": False}[text.lower()],
}
DEFAULT_TYPES: Mapping[str, Any] = {
    "String": str,
    "Integer": int,
    "Float": (int, float),
    "Boolean": bool,
}
