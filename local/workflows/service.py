"""The embedded Step Functions: one table from API action to what answers it."""

from __future__ import annotations

import json
import logging
from typing import Any

from local.backend import Action, Backend
from local.errors import ApiError
from local.shapes import Shapes
from local.workflows.activities import Activities
from local.workflows.callbacks import Callbacks
from local.workflows.checks import check_definition, diagnose
from local.workflows.executions import Executions
from local.workflows.interpreter import repair_interpreter
from local.workflows.machines import Machines
from local.workflows.tagging import Tagging

logger = logging.getLogger(__name__)
TARGET_PREFIX = "AWSStepFunctions."
JSON_TYPE = "application/x-amz-json-1.0"
HttpAnswer = tuple[int, dict[str, str], str]


class StepFunctions:
    """State machines, executions, task tokens, activities. Raises ApiError."""

    def __init__(self, backend: Backend) -> None:
        repair_interpreter(backend.credentials.environment_of)
        self._shapes = Shapes("stepfunctions")
        machines = Machines(backend, check_definition)
        self._executions = Executions(backend, machines)
        callbacks = Callbacks(self._executions.running.values)
        self._activities = Activities(backend, callbacks, self._executions.activities)
        self._actions: dict[str, Action] = {
            **machines.actions,
            **self._executions.actions,
            **callbacks.actions,
            **self._activities.actions,
            **Tagging(backend.tags).actions,
            "ValidateStateMachineDefinition": diagnose,
        }

    def recover(self) -> None:
        """Mend, at the server's start, what a killed server left half done."""
        self._activities.recover()
        self._executions.recover()

    def call(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """Perform one action, `StartExecution` for example."""
        if action not in self._actions:
            message = f"The embedded AWS does not know the Step Functions action {action}."
            raise ApiError("UnknownOperationException", message)
        self._shapes.check(action, request)
        return self._actions[action](request)

    def answer(self, request: Any, url: str, headers: dict[str, str]) -> HttpAnswer:
        """One HTTP request, in the form that moto's server hands them out."""
        action = request.headers.get("X-Amz-Target", "").removeprefix(TARGET_PREFIX)
        status, body = self._respond(action, request.get_data())
        return status, {"Content-Type": JSON_TYPE}, json.dumps(body)

    def _respond(self, action: str, body: bytes) -> tuple[int, dict[str, Any]]:
        try:
            return 200, self.call(action, json.loads(body or b"{}"))
        except json.JSONDecodeError as error:
            return 400, _fault("SerializationException", f"The body is not JSON: {error}.")
        except ApiError as error:
            return error.status, _fault(error.code, error.message)
        except Exception as error:
            # The edge of the server: a fault of ours becomes an AWS answer, and goes to the log.
            logger.exception("%s failed", action)
            reason = f"The embedded AWS failed on {action}: {type(error).__name__}: {error}"
            return 500, _fault("InternalFailure", reason)


def _fault(code: str, message: str) -> dict[str, Any]:
    return {"__type": code, "message": message}
