"""The machines as documents: pure, within AWS's limits, and with an answer to every failure."""

from __future__ import annotations

import functools
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import settings
from errors import BreedlineError
from local.shapes import Shapes
from local.workflows.checks import problems_of
from local.workflows.interpreter import repair_interpreter
from statemachine import definition as module
from statemachine.definition import KINDS, compile_machine, render
from tests.statemachine.documents import (
    CASES,
    action_of,
    machines_of,
    request_of,
    states_of,
    tasks_of,
)

ROOT = Path(settings.__file__).parents[1]
BOTO = {"applicationautoscaling": "application-autoscaling", "sfn": "stepfunctions"}
COMPILE = """
import sys
import settings
from statemachine.definition import KINDS, compile_machine, render
loaded = settings.load("aws-example")
text = "".join(render(compile_machine(kind, loaded)) for kind in KINDS)
sys.stdout.buffer.write(text.encode())
"""
every_case = pytest.mark.parametrize(("environment", "kind"), CASES)


@every_case
def test_every_task_has_a_time_limit_patience_and_a_road_for_its_failures(environment, kind):
    for document in machines_of(environment, kind).values():
        for name, state, inside in states_of(document):
            if state["Type"] not in ("Task", "Map"):
                continue
            # What fails inside a map fails the map, which has the road.
            if not inside:
                assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
                assert state["Catch"][-1]["Assign"], name
            if state["Type"] == "Task":
                assert 1 <= state["TimeoutSeconds"] <= 930, name
                (retrier,) = state["Retry"]
                assert retrier["JitterStrategy"] == "FULL", name
                assert 1 <= retrier["IntervalSeconds"] < retrier["MaxDelaySeconds"] <= 60, name
                assert 1 <= retrier["MaxAttempts"] <= 5, name


@every_case
def test_a_failure_ends_in_no_state_that_may_fail_without_a_road(environment, kind):
    """From each catcher some path leads to an end, through no task without a catcher."""
    for document in machines_of(environment, kind).values():
        ends = {name for name, state in document["States"].items() if is_end(state)}
        for name, state in document["States"].items():
            for catcher in state.get("Catch", ()):
                assert ends & reached(document, catcher["Next"]), name


def is_end(state: dict[str, Any]) -> bool:
    return state["Type"] == "Fail" or bool(state.get("End"))


def targets(state: dict[str, Any]) -> list[str]:
    found = [state[key] for key in ("Next", "Default") if key in state]
    parts = (*state.get("Choices", ()), *state.get("Catch", ()))
    return found + [part["Next"] for part in parts]


def reached(document: dict[str, Any], start: str) -> set[str]:
    seen, open_ends = {start}, [start]
    while open_ends:
        for target in targets(document["States"][open_ends.pop()]):
            if target not in seen:
                seen.add(target)
                open_ends.append(target)
    return seen


@functools.cache
def shapes_of(service: str) -> Shapes:
    return Shapes(BOTO.get(service, service))


@every_case
def test_every_request_is_one_that_its_service_takes(environment, kind):
    for document in machines_of(environment, kind).values():
        for name, task in tasks_of(document):
            service, action = action_of(task)
            request = request_of(task)
            if service == "sfn":  # the integration writes members with a capital
                request = {key[0].lower() + key[1:]: value for key, value in request.items()}
            try:
                shapes_of(service).check(action[0].upper() + action[1:], request)
            except Exception as error:
                raise AssertionError(f"{name}: {error}") from error


@every_case
def test_the_machines_are_within_the_limits_of_step_functions(environment, kind):
    for document in machines_of(environment, kind).values():
        assert len(render(document).encode()) < 1_048_576
        assert document["TimeoutSeconds"] <= 31_536_000
        for name, state, _ in states_of(document):
            assert len(name) <= 80
            assert all(len(variable) <= 80 for variable in state.get("Assign", {}))


@every_case
def test_our_own_check_of_definitions_finds_nothing(environment, kind):
    repair_interpreter(lambda caller: {"AWS_REGION": "eu-west-1"})
    for document in machines_of(environment, kind).values():
        assert problems_of(json.dumps(document)) == []


VARIABLE = re.compile(r"(?<![$\w])\$([A-Za-z_]\w*)")


@every_case
def test_every_variable_has_a_value_from_the_beginning(environment, kind):
    """A path to one that was never set ends an execution, and no catcher hears of it."""
    for document in machines_of(environment, kind).values():
        known = set(document["States"]["Begin"]["Assign"])
        used = set(VARIABLE.findall(render(document)))
        assert used <= {*known, *(name.removesuffix(".$") for name in known)}


def test_there_are_no_other_machines(local):
    with pytest.raises(BreedlineError, match="no state machine 'undeploy'; there are deploy, roll"):
        compile_machine("undeploy", local)


def test_a_machine_that_is_too_large_is_refused(local, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 1_000)
    with pytest.raises(BreedlineError, match="'retrain' has .* bytes; Step Functions allows 1000"):
        compile_machine("retrain", local)


def test_compiling_makes_no_socket(monkeypatch, local, machines):
    class NoSocket(socket.socket):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            raise AssertionError("compiling opened a socket")

    monkeypatch.setattr(socket, "socket", NoSocket)
    assert {kind: compile_machine(kind, local) for kind in KINDS} == machines


def test_equal_settings_give_equal_bytes_also_in_other_processes(example):
    texts = {"".join(render(compile_machine(kind, example)) for kind in KINDS) for _ in range(2)}
    for seed in ("1", "2"):
        environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": seed, "HOME": "/nowhere"}
        environment["PYTHONPATH"] = str(ROOT)
        ran = subprocess.run(
            [sys.executable, "-c", COMPILE],
            capture_output=True,
            check=True,
            env=environment,
            timeout=120,
        )
        texts.add(ran.stdout.decode())
    assert len(texts) == 1
