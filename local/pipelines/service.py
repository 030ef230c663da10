"""SageMaker Pipelines as a service: the API actions, put together from their parts."""

from __future__ import annotations

from local.backend import Action, Backend
from local.pipelines.callbacks import Callbacks, sqs_sender
from local.pipelines.catalog import Catalog
from local.pipelines.execution import Ports
from local.pipelines.executions import Executions
from local.pipelines.records import Records
from local.pipelines.steps import Call, Invoke


class Pipelines:
    """Pipelines and their executions.

    `call(action, request)` performs any SageMaker action in this process; `invoke(arn, payload)`
    invokes a function and returns its answer. Both raise ApiError.
    """

    def __init__(self, backend: Backend, call: Call, invoke: Invoke) -> None:
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
