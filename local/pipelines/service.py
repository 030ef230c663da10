"""SageMaker Pipelines as a service: the API actions, put together from their parts."""

from __future__ import annotations

from typing import Any

from local.backend import Action, Backend
from local.errors import validation_error
from local.pipelines.callbacks import Callbacks, sqs_sender
from local.pipelines.catalog import Catalog
from local.pipelines.execution import Ports
from local.pipelines.executions import Executions
from local.pipelines.records import Records
from local.pipelines.steps import Call, Invoke


def no_functions(arn: str, payload: dict[str, Any]) -> dict[str, Any]:
    """The function port of a server without functions: refuses by name."""
    raise validation_error(f"Lambda functions cannot run on the embedded AWS yet ({arn}).")


class Pipelines:
    """Pipelines and their executions.

    `call(action, request)` performs any SageMaker action in this process; `invoke(arn, payload)`
    invokes a function and returns its answer. Both raise ApiError.
    """

    def __init__(self, backend: Backend, call: Call, invoke: Invoke = no_functions) -> None:
        records = Records(backend)
        catalog = Catalog(backend, records)
        ports = Ports(call, invoke, sqs_sender(backend))
        self._executions = Executions(backend, records, catalog, ports)
        callbacks = Callbacks(backend, records)
        self.actions: dict[str, Action] = {
            **catalog.actions,
            **self._executions.actions,
            **callbacks.actions,
        }

    def recover(self) -> None:
        """End the executions that ran when the server died; RetryPipelineExecution resumes them."""
        self._executions.recover()
