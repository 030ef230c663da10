"""What the world is told of an execution: its status-change event and its metrics."""

from __future__ import annotations

from typing import Any

from local.backend import Backend
from local.store import Document

DETAIL_TYPE = "Step Functions Execution Status Change"
LARGEST_DATA = 248 * 1024  # bytes; larger inputs and outputs stay out of the event, as on AWS
METRICS = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}


def announce(backend: Backend, execution: Document, text: str, output: str | None) -> None:
    """Count the change of status and tell EventBridge; `text` is the input."""
    _measure(backend, execution)
    if execution["_kind"] == "STANDARD":
        backend.events.emit(
            DETAIL_TYPE,
            _detail(execution, text, output),
            [execution["executionArn"]],
            source="aws.states",
        )


def _detail(execution: Document, text: str, output: str | None) -> dict[str, Any]:
    included = len(text.encode()) + len((output or "").encode()) <= LARGEST_DATA
    status = execution["status"]
    return {
        "executionArn": execution["executionArn"],
        "stateMachineArn": execution["stateMachineArn"],
        "stateMachineVersionArn": execution.get("stateMachineVersionArn"),
        "stateMachineAliasArn": execution.get("stateMachineAliasArn"),
        "name": execution["name"],
        "status": status,
        "startDate": round(execution["startDate"] * 1000),
        "stopDate": round(execution["stopDate"] * 1000) if "stopDate" in execution else None,
        "input": text if included else None,
        "inputDetails": {"included": included},
        "output": output if included else None,
        "outputDetails": {"included": included} if output is not None else None,
        "error": execution.get("error"),
        "cause": execution.get("cause"),
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": f"Execution is {status} and cannot be redriven",
    }


def _measure(backend: Backend, execution: Document) -> None:
    dimensions = {"StateMachineArn": execution["stateMachineArn"]}
    now, status = backend.now(), execution["status"]
    backend.metrics.put("AWS/States", METRICS[status], 1.0, dimensions, now, "Count")
    if "stopDate" in execution:
        took = (execution["stopDate"] - execution["startDate"]) * 1000
        backend.metrics.put("AWS/States", "ExecutionTime", took, dimensions, now, "Milliseconds")
