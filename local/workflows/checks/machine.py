"""The shape of a state machine, its branches and its item processors: where each state leads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from local.workflows.checks.problems import DUPLICATE, TRANSITION, Problem, fault
from local.workflows.checks.states import check_state

OUTER = {"Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version"}
INNER = {"Comment", "QueryLanguage", "StartAt", "States", "ProcessorConfig"}
LANGUAGES = ("JSONPath", "JSONata")
ENDING = ("Succeed", "Fail")


@dataclass
class Names:
    """The names of all states of a definition: each may be used once, at whatever depth."""

    seen: set[str] = field(default_factory=set)

    def add(self, name: str, location: str) -> Iterator[Problem]:
        if name in self.seen:
            yield Problem(DUPLICATE, f"Duplicate State name: {name}", location)
        self.seen.add(name)


def check_machine(
    machine: Any,
    location: str = "",
    language: str = "JSONPath",
    names: Names | None = None,
) -> Iterator[Problem]:
    """Everything that is wrong with a machine and all that is inside it."""
    outer = names is None
    names = names or Names()
    if not isinstance(machine, dict):
        yield fault("A state machine must be an object", location)
        return
    yield from _check_fields(machine, location, OUTER if outer else INNER)
    own = machine.get("QueryLanguage", language)
    if own not in LANGUAGES:
        yield fault(f"Value must be one of {', '.join(LANGUAGES)}", f"{location}/QueryLanguage")
    elif own == "JSONPath" and language == "JSONata" and not outer:
        yield fault("JSONPath cannot be used inside JSONata", f"{location}/QueryLanguage")
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        yield fault("At least one state is required", f"{location}/States")
        return
    yield from _check_transitions(machine, states, location)
    for name, state in states.items():
        place = f"{location}/States/{name}"
        yield from names.add(name, place)
        if len(name) > 80:
            yield fault("The name of a state has at most 80 characters", place)
        yield from check_state(state, place, own)
        yield from _check_inner(state, place, own, names)


def _check_fields(machine: dict[str, Any], location: str, known: set[str]) -> Iterator[Problem]:
    for name in ("StartAt", "States"):
        if name not in machine:
            yield fault(f"The field '{name}' is required but was missing", location)
    for name in machine.keys() - known:
        yield fault("Field is not supported", f"{location}/{name}")
    limit = machine.get("TimeoutSeconds")
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        yield fault("Value must be a positive integer", f"{location}/TimeoutSeconds")


def _check_inner(state: Any, location: str, language: str, names: Names) -> Iterator[Problem]:
    if not isinstance(state, dict):
        return
    language = state.get("QueryLanguage", language)
    for index, branch in enumerate(_list(state.get("Branches"))):
        yield from check_machine(branch, f"{location}/Branches[{index}]", language, names)
    for field_name in ("ItemProcessor", "Iterator"):
        if field_name in state:
            place = f"{location}/{field_name}"
            yield from check_machine(state[field_name], place, language, names)


def _check_transitions(
    machine: dict[str, Any], states: dict[str, Any], location: str
) -> Iterator[Problem]:
    reached: set[str] = set()
    start = machine.get("StartAt")
    waiting = [(start, f"{location}/StartAt", "StartAt")] if start is not None else []
    while waiting:
        target, place, kind = waiting.pop()
        if target not in states:
            yield Problem(TRANSITION, f"Missing '{kind}' target: {target}", place)
        elif target not in reached:
            reached.add(target)
            waiting += _leads_to(states[target], f"{location}/States/{target}")
    for name, state in states.items():
        if name not in reached:
            place = f"{location}/States/{name}"
            yield Problem(TRANSITION, f'State "{name}" is not reachable.', place)
            for target, where, kind in _leads_to(state, place):
                if target not in states:
                    yield Problem(TRANSITION, f"Missing '{kind}' target: {target}", where)
    if not any(_ends(state) for state in states.values()):
        yield fault("No terminal state found in the state machine", f"{location}/States")


def _leads_to(state: Any, location: str) -> list[tuple[str, str, str]]:
    """The targets of a state's transitions, with the place and kind of each."""
    if not isinstance(state, dict):
        return []
    found = [
        (state[kind], f"{location}/{kind}", kind) for kind in ("Next", "Default") if kind in state
    ]
    for kind in ("Choices", "Catch"):
        for index, rule in enumerate(_list(state.get(kind))):
            if isinstance(rule, dict) and "Next" in rule:
                found.append((rule["Next"], f"{location}/{kind}[{index}]/Next", "Next"))
    return [(target, place, kind) for target, place, kind in found if isinstance(target, str)]


def _ends(state: Any) -> bool:
    return isinstance(state, dict) and (state.get("Type") in ENDING or state.get("End") is True)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
