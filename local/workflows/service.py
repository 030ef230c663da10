"""The embedded Step Functions: one table from API action to what answers it."""

from __future__ import annotations

import json
from typing import Any

from local.backend import Action, Backend
from local.errors import ApiError
from local.json_protocol import respond
from local.shapes import Shapes
from local.workflows.activities import Activities
from local.workflows.callbacks import Callbacks
from local.workflows.checks import check_definition, diagnose
from local.workflows.executions import Executions
from local.workflows.interpreter import repair_interpreter
from local.workflows.machines import Machines
from local.workflows.tagging import Tagging

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
        status, body = respond(self, action, request.get_data())
        return status, {"Content-Type": JSON_TYPE}, json.dumps(body)
