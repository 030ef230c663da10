"""The embedded SageMaker: one table from API action to the service that really does it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from local.backend import Action
from local.errors import ApiError, validation_error
from local.shapes import Shapes

logger = logging.getLogger(__name__)
Call = Callable[[str, dict[str, Any]], dict[str, Any]]


class Service(Protocol):
    """A part of SageMaker: the actions it answers."""

    @property
    def actions(self) -> dict[str, Action]: ...


class LastingService(Service, Protocol):
    """A service whose resources outlive the server."""

    def recover(self) -> None:
        """Mend, at the server's start, what a killed server left half done."""


class Answers(Protocol):
    """An API of actions by name, SageMaker's own or another service's."""

    def knows(self, action: str) -> bool: ...

    def call(self, action: str, request: dict[str, Any]) -> dict[str, Any]: ...


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


def respond(service: Answers, action: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """HTTP status and JSON answer of one request in AWS's JSON 1.1 protocol."""
    try:
        request = json.loads(body or b"{}")
        return 200, service.call(action, request)
    except json.JSONDecodeError as error:
        return 400, _fault("SerializationException", f"The body of {action} is not JSON: {error}.")
    except ApiError as error:
        return error.status, _fault(error.code, error.message)
    except Exception as error:
        # The edge of the server: a fault of ours becomes an AWS answer, and goes to the log whole.
        logger.exception("%s failed", action)
        reason = f"The embedded AWS failed on {action}: {type(error).__name__}: {error}"
        return 500, _fault("InternalFailure", reason)


def _fault(code: str, message: str) -> dict[str, Any]:
    return {"__type": code, "message": message}
