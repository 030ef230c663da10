"""The embedded SageMaker: one table from API action to the service that really does it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from local.backend import Action
from local.errors import validation_error
from local.shapes import Shapes

Call = Callable[[str, dict[str, Any]], dict[str, Any]]


class Service(Protocol):
    """A part of SageMaker: the actions it answers."""

    @property
    def actions(self) -> dict[str, Action]: ...


class LastingService(Service, Protocol):
    """A service whose resources outlive the server."""

    def recover(self) -> None:
        """Mend, at the server's start, what a killed server left half done."""


class SageMaker:
    """Answers API actions by name; requests are checked against botocore's model first."""

    def __init__(self) -> None:
        self._actions: dict[str, Action] = {}
        self._shapes = Shapes("sagemaker")

    def add(self, services: Iterable[Service]) -> None:
        """Add services to the table; two services must not answer the same action."""
        for service in services:
            if twice := self._actions.keys() & service.actions.keys():
                raise ValueError(f"answered by two services: {', '.join(sorted(twice))}")
            self._actions.update(service.actions)

    def knows(self, action: str) -> bool:
        """Whether `action` is answered here rather than by moto."""
        return action in self._actions

    def call(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Perform one action; raises ApiError."""
        if action not in self._actions:
            raise validation_error(f"The embedded AWS does not know the SageMaker action {action}.")
        self._shapes.check(action, request)
        return self._actions[action](request)
