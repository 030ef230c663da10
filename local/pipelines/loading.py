"""Definition documents, read and checked in full before anything runs. Pure.

`load` reports every fault at once, by name: unknown step types, functions, references, parameters
and dependencies, duplicate names, cycles.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from local.pipelines import conditions, form
from local.pipelines.cache import CacheFault, parse_duration
from local.pipelines.definition import STEP_TYPES, Definition, Step
from local.pipelines.described import unknown_property
from local.pipelines.parameters import Parameter, ParameterFault, declare
from local.pipelines.paths import PathFault, parse_path
from local.pipelines.retry import RetryFault, read_policies
from local.pipelines.values import EXECUTION_VARIABLES, Reference, ValueFault, references

VERSION = "2020-12-01"
STEP_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class DefinitionFault(Exception):
    """The definition cannot be executed; the message names every reason."""


def load(text: str) -> Definition:
    """Read and check a definition document; raises DefinitionFault with all that is wrong."""
    document = _parse(text)
    if wrong := list(form.faults(document)):
        raise DefinitionFault(_sentence(wrong))
    problems: list[str] = []
    parameters = _parameters(document, problems)
    steps = _steps(document, problems)
    for step in steps.values():
        problems += _reference_problems(step, steps, {p.name for p in parameters})
    experiment = document.get("PipelineExperimentConfig") or {}
    problems += _experiment_problems(experiment, {p.name for p in parameters})
    if not problems:
        problems += _cycle_problems(steps)
    if problems:
        raise DefinitionFault(_sentence(problems))
    return Definition(parameters, steps, experiment)


def _sentence(problems: list[str]) -> str:
    problems = [problem.rstrip(".") for problem in problems]
    if len(problems) == 1:
        return f"The pipeline definition cannot be executed: {problems[0]}."
    return f"The pipeline definition has {len(problems)} faults: {'; '.join(problems)}."


def _parse(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise DefinitionFault(f"The pipeline definition is not JSON: {error}.") from error
    if not isinstance(document, dict) or document.get("Version") != VERSION:
        version = document.get("Version") if isinstance(document, dict) else None
        raise DefinitionFault(
            f"The pipeline definition has the Version {version!r}; only '{VERSION}' is known."
        )
    if not isinstance(document.get("Steps"), list) or not document["Steps"]:
        raise DefinitionFault("The pipeline definition has no Steps.")
    return document


def _parameters(document: dict[str, Any], problems: list[str]) -> tuple[Parameter, ...]:
    declared: dict[str, Parameter] = {}
    for declaration in document.get("Parameters") or []:
        try:
            parameter = declare(declaration)
        except ParameterFault as fault:
            problems.append(str(fault))
            continue
        if parameter.name in declared:
            problems.append(f"the parameter {parameter.name} is declared twice")
        declared[parameter.name] = parameter
    return tuple(declared.values())


def _steps(document: dict[str, Any], problems: list[str]) -> dict[str, Step]:
    steps: dict[str, Step] = {}
    for body, condition, branch in _flatten(document["Steps"], None, None):
        name = body["Name"]
        if not STEP_NAME.fullmatch(name):
            problems.append(f"the step name {name!r} must match {STEP_NAME.pattern}")
        elif name in steps:
            problems.append(f"two steps are named {name}")
        else:
            step = Step(name, body["Type"], body, condition, branch)
            steps[name] = _read_step(step, problems)
    return steps


def _flatten(
    bodies: list[Any], condition: str | None, branch: bool | None
) -> Iterator[tuple[Any, str | None, bool | None]]:
    for body in bodies:
        yield body, condition, branch
        if body["Type"] == "Condition":
            arguments = body.get("Arguments") or {}
            yield from _flatten(arguments.get("IfSteps") or [], body["Name"], True)
            yield from _flatten(arguments.get("ElseSteps") or [], body["Name"], False)


def _read_step(step: Step, problems: list[str]) -> Step:
    """The step with everything that can be read from its own body."""
    if step.type not in STEP_TYPES:
        known = ", ".join(STEP_TYPES)
        problems.append(f"the step {step.name} has the type {step.type}; known are {known}")
        return step
    problems += [f"the step {step.name}: {problem}" for problem in _form_problems(step)]
    try:
        found = tuple(references(_own_values(step)))
        for reference in found:
            if reference.path:
                parse_path(reference.path)
        step = replace(step, references=found)
        step = replace(step, retry_policies=read_policies(step.body.get("RetryPolicies")))
        step = replace(step, cache_seconds=_cache_seconds(step))
    except (ValueFault, PathFault, RetryFault, CacheFault) as fault:
        problems.append(f"the step {step.name}: {fault}")
    before = {step.condition} if step.condition else set()
    depends_on = {str(name) for name in step.body.get("DependsOn") or []}
    return replace(step, waits_for=step.data_from | depends_on | before)


def _own_values(step: Step) -> list[Any]:
    """All of a step's body that may hold functions, without the steps of its branches."""
    branches = ("IfSteps", "ElseSteps")
    arguments = {k: v for k, v in step.arguments.items() if k not in branches}
    return [arguments, step.body.get("FunctionArn"), step.body.get("SqsQueueUrl")]


def _form_problems(step: Step) -> Iterator[str]:
    kind = STEP_TYPES[step.type]
    for required in kind.required:
        holder, _, name = required.rpartition(".")
        if name not in (step.arguments if holder else step.body):
            yield f"a {step.type} step needs {required}"
    if step.body.get("RetryPolicies") and not kind.retries:
        yield f"RetryPolicies are not possible in a {step.type} step"
    if step.body.get("CacheConfig") and not kind.caching:
        yield f"CacheConfig is not possible in a {step.type} step"
    if step.type == "Condition":
        for condition in step.arguments.get("Conditions") or []:
            yield from conditions.problems(condition)
    for property_file in step.body.get("PropertyFiles") or []:
        yield from _property_file_problems(step, property_file)


def _property_file_problems(step: Step, property_file: dict[str, Any]) -> Iterator[str]:
    outputs = (step.arguments.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    names = [output.get("OutputName") for output in outputs if isinstance(output, dict)]
    if property_file.get("OutputName") not in names:
        yield (
            f"the property file {property_file.get('PropertyFileName')} is in the output "
            f"{property_file.get('OutputName')}, which the step does not have"
        )


def _cache_seconds(step: Step) -> float | None:
    config = step.body.get("CacheConfig") or {}
    if not config.get("Enabled"):
        return None
    if "ExpireAfter" not in config:
        raise CacheFault("CacheConfig needs ExpireAfter when it is enabled.")
    return parse_duration(config["ExpireAfter"])


def _reference_problems(
    step: Step, steps: Mapping[str, Step], parameters: set[str]
) -> Iterator[str]:
    for name in step.body.get("DependsOn") or []:
        if name not in steps:
            yield f"the step {step.name} depends on {name}, which is not a step"
    for reference in step.references:
        problem = _reference_problem(reference, steps, parameters)
        if problem:
            yield f"the step {step.name} refers to {problem}"


def _experiment_problems(experiment: dict[str, Any], parameters: set[str]) -> Iterator[str]:
    try:
        for reference in references(experiment):
            if problem := _reference_problem(reference, {}, parameters):
                yield f"PipelineExperimentConfig refers to {problem}"
    except ValueFault as fault:
        yield f"PipelineExperimentConfig: {fault}"


def _reference_problem(
    reference: Reference, steps: Mapping[str, Step], parameters: set[str]
) -> str | None:
    name = reference.name
    if reference.kind == "Parameters":
        known = ", ".join(sorted(parameters)) or "none"
        declared = name in parameters and not reference.path
        written = f"{name}.{reference.path}" if reference.path else name
        return None if declared else f"the parameter {written}; declared are: {known}"
    if reference.kind == "Execution":
        known = ", ".join(EXECUTION_VARIABLES)
        return None if name in EXECUTION_VARIABLES else f"Execution.{name}; there are: {known}"
    if name not in steps:
        return f"the step {name}, which does not exist"
    if reference.property_file is not None:
        files = steps[name].body.get("PropertyFiles") or []
        names = [file.get("PropertyFileName") for file in files]
        if reference.property_file not in names:
            return f"the property file {reference.property_file}, which {name} does not declare"
        return None
    return _property_problem(steps[name], reference)


def _property_problem(step: Step, reference: Reference) -> str | None:
    if step.type not in STEP_TYPES:
        return None
    if not STEP_TYPES[step.type].properties:
        return f"the step {step.name}, and a {step.type} step has no properties"
    keys = parse_path(reference.path)
    if step.type in ("Lambda", "Callback"):
        names = [output["OutputName"] for output in step.body.get("OutputParameters") or []]
        if len(keys) == 2 and keys[0] == "OutputParameters" and keys[1] in names:
            return None
        outputs = ", ".join(names) or "none"
        return f"{reference.path} of the step {step.name}, whose OutputParameters are: {outputs}"
    problem = unknown_property(step.type, keys)
    return f"{reference.path} of the step {step.name}, but {problem}" if problem else None


def _cycle_problems(steps: Mapping[str, Step]) -> list[str]:
    """Kahn's algorithm: whatever is never free of its predecessors is on, or behind, a cycle."""
    waiting = {name: set(step.waits_for) for name, step in steps.items()}
    while free := [name for name, before in waiting.items() if not before]:
        for name in free:
            del waiting[name]
        for before in waiting.values():
            before.difference_update(free)
    return [f"these steps wait for each other: {', '.join(waiting)}"] if waiting else []
