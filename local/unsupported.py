"""What the embedded SageMaker refuses by name, where moto would pretend."""

from __future__ import annotations

from typing import Any

from local.backend import Action
from local.errors import validation_error

NO_ENDPOINTS = "The embedded AWS does not serve endpoints yet; a transform job uses the same model."
ACTIONS = (
    *("CreateEndpoint", "CreateEndpointConfig"),
    *("UpdateEndpoint", "UpdateEndpointWeightsAndCapacities"),
)
RUNTIME_PATH = "/endpoints/"  # of InvokeEndpoint and its relatives


class Unsupported:
    """Actions that moto answers without doing anything."""

    def __init__(self) -> None:
        self.actions: dict[str, Action] = dict.fromkeys(ACTIONS, _refuse)


def _refuse(request: dict[str, Any]) -> dict[str, Any]:
    raise validation_error(NO_ENDPOINTS)
