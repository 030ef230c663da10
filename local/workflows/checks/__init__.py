"""Definitions are checked when they are created and updated: all problems at once."""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.parse.asl_parser import (
    AmazonStateLanguageParser,
    ASLParserException,
)

from local.workflows.checks.document import read_definition
from local.workflows.checks.machine import check_machine
from local.workflows.checks.problems import Problem, fault
from local.workflows.errors import invalid_definition

MOST_DIAGNOSTICS = 100
LONGEST_MESSAGE = 500  # characters of what moto's parser says


def problems_of(definition: str, kind: str = "STANDARD") -> list[Problem]:
    """Everything that is wrong with a definition; `kind` is STANDARD or EXPRESS."""
    document, problems = read_definition(definition)
    if document is not None:
        problems += check_machine(document)
    if not problems:
        problems += _refused_by_the_interpreter(definition)
    if kind == "EXPRESS" and document is not None:
        problems += _unfit_for_express(document)
    return problems


def check_definition(definition: str, kind: str) -> None:
    """Raise InvalidDefinition with everything that is wrong."""
    if problems := problems_of(definition, kind):
        raise invalid_definition(", ".join(map(str, problems)))


def diagnose(request: dict[str, Any]) -> dict[str, Any]:
    """ValidateStateMachineDefinition's answer."""
    most = request.get("maxResults") or MOST_DIAGNOSTICS
    problems = problems_of(request["definition"], request.get("type", "STANDARD"))
    diagnostics = [
        {
            "severity": "ERROR",
            "code": problem.code,
            "message": problem.message,
            "location": problem.location or "/",
        }
        for problem in problems
    ]
    return {
        "result": "FAIL" if problems else "OK",
        "diagnostics": diagnostics[:most],
        "truncated": len(diagnostics) > most,
    }


def _refused_by_the_interpreter(definition: str) -> list[Problem]:
    """What only moto's own parser finds."""
    try:
        AmazonStateLanguageParser.parse(definition)
    except ASLParserException as error:
        return [fault(text.partition(" expecting {")[0], "") for text in error.errors]
    except Exception as error:  # noqa: BLE001 - its components raise whatever they like
        return [fault(str(error)[:LONGEST_MESSAGE], "")]
    return []


def _unfit_for_express(document: Any) -> list[Problem]:
    """Express workflows wait for nothing outside them."""
    found = []
    for name, state in document.get("States", {}).items():
        resource = str(state.get("Resource", "")) if isinstance(state, dict) else ""
        if resource.endswith((".sync", ".sync:2", ".waitForTaskToken")) or ":activity:" in resource:
            said = f"The resource {resource} is not supported by EXPRESS state machines"
            found.append(fault(said, f"/States/{name}/Resource"))
    return found
