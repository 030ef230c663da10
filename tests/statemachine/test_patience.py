"""The longest waits end within AWS's limits: of the history, and of the machine's own time."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import settings
from statemachine.definition import compile_machine
from statemachine.patience import Patience, looks

MOST_EVENTS = 25_000
# Events of a state: entered and left, and for a task scheduled, started and ended as well.
EVENTS = {"Task": 5, "Map": 4}
# A loop: the state that counts its looks, and those that a look goes through.
LOOPS = {
    "WaitForLock": ("AcquireLock", "ReadLock", "IsLockThere", "SeeHolder", "DescribeHolder")
    + ("DoesHolderRun",),
    "WaitForEndpoint": ("DescribeEndpoint", "IsEndpointAtRest"),
    "AwaitEndpoint": ("CheckEndpoint", "DoesEndpointServe"),
    "AwaitFunction": ("CheckFunction", "SeeFunction", "IsFunctionReady"),
    "AwaitProvisioned": ("CheckProvisioned", "SeeProvisioned", "IsProvisioned"),
    "AwaitWayBack": ("CheckWayBack", "IsWayBackDone"),
}
SCHEDULED = 50  # actions of a calendar that are cleared and put again, one after the other
LONGEST: dict[str, Any] = {"max_seconds": 28_800, "canary_wait_seconds": 3_600}


def with_rollout(**values: Any) -> settings.Settings:
    loaded = settings.load("aws-example")
    startup = dataclasses.replace(loaded.endpoint, startup_seconds=3_600)
    rollout = dataclasses.replace(loaded.rollout, **values)
    return dataclasses.replace(loaded, rollout=rollout, endpoint=startup)


def events(document: dict[str, Any], *names: str) -> int:
    return sum(EVENTS.get(document["States"][name]["Type"], 2) for name in names)


def most_looks(document: dict[str, Any], wait: str) -> int:
    return max(
        int(rule["NumericGreaterThanEquals"]) for rule in document["States"][wait]["Choices"]
    )


@pytest.mark.parametrize("kind", ("deploy", "rollback"))
@pytest.mark.parametrize("poll", (1, 15, 300))
def test_the_longest_waits_stay_within_the_history(kind, poll):
    """Every loop to its end in one execution, every other state once, every call tried twice."""
    document = compile_machine(kind, with_rollout(**LONGEST, poll_seconds=poll))
    found = events(document, *document["States"])
    found += 3 * sum(state["Type"] == "Task" for state in document["States"].values())
    # The way back chooses by the fields of an action before it puts it.
    found += SCHEDULED * (2 * (EVENTS["Task"] + 2) + 2)
    for wait, states in LOOPS.items():
        found += most_looks(document, wait) * events(document, wait, f"{wait}Briefly", *states)
    if kind == "rollback":
        found += 100 * events(document, "AreThereMore", "IsThereOne", "TakeNext", "IsItBelow")
    assert found < MOST_EVENTS


def test_every_loop_is_counted_above(machines):
    for kind in ("deploy", "rollback"):
        waits = {name for name, s in machines[kind]["States"].items() if s["Type"] == "Wait"}
        assert {wait.removesuffix("Briefly").removesuffix("Longer") for wait in waits} == set(LOOPS)


@pytest.mark.parametrize("poll", (1, 15, 300))
@pytest.mark.parametrize("longest", (600, 3_600, 28_800))
def test_an_endpoint_is_awaited_for_longer_than_an_update_and_its_way_back_take(poll, longest):
    loaded = with_rollout(max_seconds=longest, poll_seconds=poll)
    patience = Patience(loaded)
    assert patience.endpoint.patience >= 2 * longest + 2 * loaded.endpoint.startup_seconds
    # A machine that runs out of time goes no road back: every loop gives up before.
    loops = patience.settling.patience + 2 * patience.endpoint.patience
    assert patience.work_seconds > loops + 2 * patience.function.patience
    assert patience.lock.patience >= patience.work_seconds
    assert patience.machine_seconds >= patience.lock.patience + patience.work_seconds
    document = compile_machine("deploy", loaded)
    assert document["TimeoutSeconds"] == patience.machine_seconds


@pytest.mark.parametrize("patience", (1, 59, 60, 600, 100_000))
@pytest.mark.parametrize("interval", (1, 15, 300))
@pytest.mark.parametrize("most", (60, 500))
def test_looks_fill_their_time_and_no_more_than_their_number(patience, interval, most):
    found = looks(patience, interval, most)
    assert found.times <= most
    assert found.seconds == interval <= found.slow
    assert found.patience >= patience
    assert found.patience < patience + interval + found.slow
