"""SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat: answers to tasks that wait for a token."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackEndpoint,
    CallbackOutcome,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
)

from local.backend import Action
from local.errors import ApiError
from local.workflows.run import Run


class Callbacks:
    """Finds the task that a token belongs to among the executions in progress."""

    def __init__(self, running: Callable[[], Iterable[Run]]) -> None:
        self._running = running
        self.actions: dict[str, Action] = {
            "SendTaskSuccess": self._success,
            "SendTaskFailure": self._failure,
            "SendTaskHeartbeat": self._heartbeat,
        }

    def find(self, token: str) -> CallbackEndpoint:
        """The waiting task; raises TaskTimedOut for one that no longer waits."""
        for run in list(self._running()):
            endpoint = run.environment.callback_pool_manager.get(token)
            if endpoint is not None and not endpoint._notify_event.is_set():
                return endpoint
        raise ApiError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")

    def _success(self, request: dict[str, Any]) -> dict[str, Any]:
        token, output = request["taskToken"], request["output"]
        try:
            json.loads(output)
        except ValueError as error:
            raise ApiError("InvalidOutput", f"Invalid Output: '{error}'") from error
        return self._notify(token, CallbackOutcomeSuccess(callback_id=token, output=output))

    def _failure(self, request: dict[str, Any]) -> dict[str, Any]:
        token = request["taskToken"]
        error, cause = request.get("error"), request.get("cause")
        return self._notify(token, CallbackOutcomeFailure(token, error, cause))

    def _notify(self, token: str, outcome: CallbackOutcome) -> dict[str, Any]:
        self.find(token).notify(outcome=outcome)
        return {}

    def _heartbeat(self, request: dict[str, Any]) -> dict[str, Any]:
        self.find(request["taskToken"]).notify_heartbeat()
        return {}
