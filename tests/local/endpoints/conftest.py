"""Instances that run, and end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from local.backend import Backend
from local.endpoints.instance import Instance
from tests.local.endpoints import models


@pytest.fixture
def started(backend: Backend) -> Iterator[Callable[..., Instance]]:
    """`started(handlers, **changes of the plan)` makes an instance and starts it."""
    running: list[Instance] = []

    def start(handlers: str = models.ECHO, **changes: object) -> Instance:
        plan = models.plan(backend, handlers, **changes)
        instance = Instance(backend, plan, models.folder(backend, str(len(running))))
        running.append(instance)
        instance.start()
        return instance

    yield start
    for instance in running:
        instance.stop(patience=0)
