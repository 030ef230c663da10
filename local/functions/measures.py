"""Lambda's own metrics in CloudWatch."""

from __future__ import annotations

from local.backend import Backend
from local.functions import emf
from local.functions.buckets import Buckets
from local.functions.concurrency import Lease
from local.functions.function import Function, Outcome

NAMESPACE = "AWS/Lambda"


class Measures:
    """Writes what CloudWatch shows of functions, and what they print in embedded metric format."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._metrics = Buckets(backend.metrics)

    def close(self) -> None:
        """Write what is left; the server ends."""
        self._metrics.close()

    def embedded(self, line: str) -> None:
        """Turn a printed line into metrics, if it is one that carries them."""
        for point in emf.points(line, self._backend.now()):
            self._metrics.put(
                point.namespace,
                point.name,
                point.value,
                point.dimensions,
                point.timestamp,
                point.unit,
            )

    def ended(self, function: Function, outcome: Outcome) -> None:
        self.count(function.name, "Invocations")
        self.count(function.name, "Errors", float(outcome.failed))
        self._put("Duration", outcome.duration, {"FunctionName": function.name}, "Milliseconds")

    def begun(self, function: Function, lease: Lease, covering: tuple[str, int] | None) -> None:
        """A call has got its environment; `covering` when its version has provisioned ones."""
        self.count(function.name, "ConcurrentExecutions", lease.running)
        if covering is None:
            return
        qualifier, available = covering
        dimensions = {"FunctionName": function.name, "Resource": f"{function.name}:{qualifier}"}
        served = lease.environment.provisioned
        self._put("ProvisionedConcurrencyInvocations", float(served), dimensions, "Count")
        self._put(
            "ProvisionedConcurrencySpilloverInvocations", float(not served), dimensions, "Count"
        )
        share = min(lease.provisioned / available, 1.0) if available else 1.0
        self._put("ProvisionedConcurrencyUtilization", share, dimensions, "None")

    def count(self, name: str, metric: str, value: float = 1.0) -> None:
        self._put(metric, value, {"FunctionName": name}, "Count")

    def _put(self, metric: str, value: float, dimensions: dict[str, str], unit: str) -> None:
        now = self._backend.now()
        self._metrics.put(NAMESPACE, metric, value, dimensions, now, unit)
