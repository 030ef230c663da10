"""Start one process for each GPU of this host, and end them together.

Boundary: a function in, its effects in several processes out; the first failure is raised here.
Run the tests: `pytest tests/steps/test_hosts.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch.multiprocessing as multiprocessing
from hosts import Group, HostsError, joined
from hyperparameters import Placement
from stopping import Stopped, StopRequest

_POLL_SECONDS = 0.1
_GRACE_SECONDS = 10.0


def run_each(
    count: int, placement: Placement, stop: StopRequest, work: Callable[[Group, StopRequest], None]
) -> None:
    """Do `work` (picklable) in `count` processes; each joins the group of all hosts.

    Raises what the first failing process raised. A stop request is passed on to all of them.
    """
    # Not fork: a process that has used CUDA cannot be forked.
    context = multiprocessing.get_context("spawn")
    failures = context.SimpleQueue()
    children = [
        context.Process(target=_child, args=(local, count, placement, work, failures))
        for local in range(count)
    ]
    for child in children:
        child.start()
    try:
        _watch(children, stop)
    finally:
        _end(children)
    raised = []
    while not failures.empty():
        raised.append(failures.get())
    if raised:
        # That a process lost the others is only what followed from the first failure.
        raise min(raised, key=lambda error: isinstance(error, HostsError))
    if any(child.exitcode for child in children):
        codes = ", ".join(str(child.exitcode) for child in children)
        raise HostsError(
            f"A process of {placement.current} died (exit codes {codes}); see its log above."
        )


def _child(
    local: int,
    count: int,
    placement: Placement,
    work: Callable[[Group, StopRequest], None],
    failures: Any,
) -> None:
    stop = StopRequest()
    stop.listen()
    try:
        with joined(placement, local, count, stop) as group:
            work(group, stop)
    except Stopped:
        pass  # the parent was asked to stop too, and says so
    except Exception as error:  # noqa: BLE001  # carried to the parent, which raises it
        failures.put(error)
        sys.exit(1)


def _watch(children: list[Any], stop: StopRequest) -> None:
    """Wait until all processes ended, or one failed."""
    told = False
    while any(child.is_alive() for child in children):
        if any(child.exitcode for child in children):
            return
        if stop.requested and not told:
            told = True
            for child in children:
                child.terminate()
        for child in children:
            child.join(_POLL_SECONDS)


def _end(children: list[Any]) -> None:
    """A process that waits for a lost one gets a moment to notice, and is killed then."""
    for child in children:
        child.join(_GRACE_SECONDS)
        if child.is_alive():
            child.kill()
            child.join()
