"""Values in a pipeline definition: literals, `Get`, `Std:Join` and `Std:JsonGet`.

Pure: what a value needs from outside (parameters, properties of finished steps, JSON files) comes
through a Scope. Unknown functions are found when a definition is loaded, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.pipelines.paths import PathFault, look_up, parse_path

EXECUTION_VARIABLES = (
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "StartDateTime",
    "CurrentDateTime",
    "TrainingJobName",
    "ProcessingJobName",
)


class ValueFault(Exception):
    """A value cannot be resolved; the message is one sentence."""


def _none_here(*what: str) -> Any:
    raise ValueFault(f"{' '.join(what)} cannot be read here.")


@dataclass(frozen=True)
class Scope:
    """Where values are looked up.

    `properties(step)` is the step's Describe… answer, `property_file(step, name)` and
    `json_object(s3_uri)` are parsed JSON; each raises ValueFault when it has none.
    """

    parameters: Mapping[str, Any]
    execution: Mapping[str, str]
    properties: Callable[[str], Any] = _none_here
    property_file: Callable[[str, str], Any] = _none_here
    json_object: Callable[[str], Any] = _none_here


@dataclass(frozen=True)
class Reference:
    """What one `Get` names: kind is Parameters, Execution or Steps."""

    kind: str
    name: str
    path: str

    @property
    def property_file(self) -> str | None:
        """The property file's name for `Steps.S.PropertyFiles.F`, else None."""
        head, _, rest = self.path.partition(".")
        return rest if self.kind == "Steps" and head == "PropertyFiles" else None


def parse_reference(text: Any) -> Reference:
    """Read the text of a `Get`; raises ValueFault."""
    kind, _, rest = str(text).partition(".")
    name, _, path = rest.partition(".")
    if kind not in ("Parameters", "Execution", "Steps") or not name:
        raise ValueFault(
            f"Get '{text}' must begin with Parameters., Execution. or Steps. and a name."
        )
    if kind == "Steps" and not path:
        raise ValueFault(f"Get '{text}' must name a property of the step {name}.")
    return Reference(kind, name, path)


def function_of(value: Any) -> str | None:
    """The function that a value is, such as `Std:Join`, or None for a literal."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    name = str(next(iter(value)))
    return name if name == "Get" or name.startswith("Std:") else None


def resolve(value: Any, scope: Scope) -> Any:
    """The value with every function replaced by its result; raises ValueFault."""
    function = function_of(value)
    if function is not None:
        if function not in FUNCTIONS:
            raise ValueFault(_unknown(function))
        return FUNCTIONS[function](value[function], scope)
    if isinstance(value, dict):
        return {key: resolve(item, scope) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, scope) for item in value]
    return value


def references(value: Any) -> Iterator[Reference]:
    """Every Get inside a value, in order; raises ValueFault on unknown functions and forms."""
    function = function_of(value)
    if function == "Get":
        yield parse_reference(value["Get"])
        return
    if function is not None:
        _check_form(function, value[function])
    inner = value.values() if isinstance(value, dict) else value
    if isinstance(value, (dict, list)):
        for item in inner:
            yield from references(item)


def _unknown(function: str) -> str:
    return f"The function {function} is not known; there are {', '.join(FUNCTIONS)}."


def _check_form(function: str, arguments: Any) -> None:
    if function not in FUNCTIONS:
        raise ValueFault(_unknown(function))
    if not isinstance(arguments, dict):
        raise ValueFault(f"{function} takes an object, not {arguments!r}.")
    if function == "Std:Join" and not isinstance(arguments.get("Values"), list):
        raise ValueFault("Std:Join needs Values, a list.")
    if function == "Std:JsonGet":
        _check_json_get(arguments)


def _check_json_get(arguments: dict[str, Any]) -> None:
    if ("PropertyFile" in arguments) == ("S3Uri" in arguments):
        raise ValueFault("Std:JsonGet needs one of PropertyFile and S3Uri, not both.")
    try:
        parse_path(str(arguments.get("Path", "")))
    except PathFault as fault:
        raise ValueFault(f"Std:JsonGet: {fault}") from fault
    if "PropertyFile" in arguments:
        _property_file_reference(arguments["PropertyFile"])


def _get(text: Any, scope: Scope) -> Any:
    reference = parse_reference(text)
    if reference.kind == "Steps":
        properties = scope.properties(reference.name)
        try:
            keys = parse_path(reference.path)
            return look_up(properties, keys, f"The step {reference.name}")
        except PathFault as fault:
            raise ValueFault(f"Get '{text}': {fault}") from fault
    table = scope.parameters if reference.kind == "Parameters" else scope.execution
    if reference.name not in table:
        raise ValueFault(f"Get '{text}' has no value here.")
    return table[reference.name]


def _join(arguments: dict[str, Any], scope: Scope) -> str:
    parts = [resolve(part, scope) for part in arguments["Values"]]
    return str(resolve(arguments.get("On", ""), scope)).join(_text(part) for part in parts)


def _text(part: Any) -> str:
    """A primitive as Std:Join writes it; numbers and booleans as in JSON."""
    if isinstance(part, bool):
        return "true" if part else "false"
    if isinstance(part, (str, int, float)):
        return str(part)
    raise ValueFault(f"Std:Join can join text, numbers and booleans, not {part!r}.")


def _json_get(arguments: dict[str, Any], scope: Scope) -> Any:
    if "S3Uri" in arguments:
        uri = resolve(arguments["S3Uri"], scope)
        document, what = scope.json_object(uri), f"The JSON at {uri}"
    else:
        step, name = _property_file_reference(arguments["PropertyFile"])
        document = scope.property_file(step, name)
        what = f"The property file {name} of the step {step}"
    try:
        return look_up(document, parse_path(arguments["Path"]), what)
    except PathFault as fault:
        raise ValueFault(f"Std:JsonGet '{arguments['Path']}': {fault}") from fault


def _property_file_reference(value: Any) -> tuple[str, str]:
    reference = parse_reference(value["Get"]) if function_of(value) == "Get" else None
    if reference is None or reference.property_file is None:
        raise ValueFault("PropertyFile must be a Get of Steps.<step>.PropertyFiles.<name>.")
    return reference.name, reference.property_file


FUNCTIONS: Mapping[str, Callable[[Any, Scope], Any]] = {
    "Get": _get,
    "Std:Join": _join,
    "Std:JsonGet": _json_get,
}
