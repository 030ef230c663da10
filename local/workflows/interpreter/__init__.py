"""moto's interpreter of Amazon States Language, with its faults repaired.

Each repair is one function with its own contract test, so that a newer moto shows which of them
it no longer needs. They change moto's modules for the process that serves.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from local.workflows.interpreter import (
    choices,
    clients,
    errors,
    expressions,
    parsing,
    quiet,
    service_tasks,
    size,
    waiting,
)

REPAIRS: tuple[Callable[[], None], ...] = (
    *quiet.REPAIRS,
    *waiting.REPAIRS,
    *errors.REPAIRS,
    *size.REPAIRS,
    *parsing.REPAIRS,
    *expressions.REPAIRS,
    *choices.REPAIRS,
    *service_tasks.REPAIRS,
)


def repair_interpreter(environment_of: clients.EnvironmentOf) -> None:
    """Repair moto's interpreter once, and let its tasks call the server as their machine's role.

    `environment_of` gives the AWS_… variables of who calls.
    """
    clients.call_server(environment_of)
    _repair_once()


@functools.cache
def _repair_once() -> None:
    for repair in REPAIRS:
        repair()
