"""What is kept of executions, and the answers to who asks for it.

The document has an execution's state; its input and output are in its history, a file of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.backend import Action, Backend
from local.errors import ApiError
from local.store import Document, public
from local.workflows import history
from local.workflows.errors import no_execution
from local.workflows.machines import Machines
from local.workflows.names import parse_machine_arn
from local.workflows.paging import page_of
from local.workflows.run import Run

KIND = "Execution"
SUMMARY = (
    *("executionArn", "stateMachineArn", "stateMachineVersionArn", "stateMachineAliasArn"),
    *("name", "status", "startDate", "stopDate"),
)


class ExecutionRecords:
    """The executions of one server, those that run and those that ended."""

    def __init__(self, backend: Backend, machines: Machines, running: Mapping[str, Run]) -> None:
        self._store = backend.store
        self._machines = machines
        self._folder = backend.folder / "executions"
        self._running = running
        self.actions: dict[str, Action] = {
            "DescribeExecution": self.describe,
            "ListExecutions": self._list,
            "GetExecutionHistory": self._history,
            "DescribeStateMachineForExecution": self._describe_machine,
        }

    def get(self, arn: str) -> Document:
        """The document; raises ApiError where there is none."""
        execution = self._store.find(KIND, arn)
        if execution is None:
            raise no_execution(arn)
        return execution

    def path(self, execution: Document) -> Path:
        """The file of its history."""
        machine, _, name = str(execution["executionArn"]).split(":", 6)[6].partition(":")
        return self._folder / machine / f"{name.replace(':', '.')}.jsonl"

    def input(self, execution: Document) -> str:
        """The input's text, from the first event."""
        run = self._running.get(execution["executionArn"])
        if run:
            return run.order.text
        with_input = history.first(self.path(execution))
        return str(history.details_of(with_input)["input"]) if with_input else "{}"

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        """One execution, with its input and what came of it."""
        execution = self.get(request["executionArn"])
        answer = public(execution) | {
            "input": self.input(execution),
            "inputDetails": {"included": True},
            "redriveCount": 0,
            "redriveStatus": "NOT_REDRIVABLE",
            "redriveStatusReason": f"Execution is {execution['status']} and cannot be redriven",
        }
        if execution["status"] == "SUCCEEDED":
            last = json.loads(history.lines(self.path(execution))[-1])
            answer["output"] = history.details_of(last)["output"]
            answer["outputDetails"] = {"included": True}
        return answer

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        if "stateMachineArn" not in request:
            raise ApiError("ValidationException", "Exactly one of stateMachineArn is required.")
        parsed = parse_machine_arn(request["stateMachineArn"])
        self._machines.get(parsed.machine)
        wanted = {"stateMachineArn": parsed.machine}
        if parsed.qualifier:
            key = "stateMachineAliasArn" if parsed.alias else "stateMachineVersionArn"
            wanted[key] = request["stateMachineArn"]
        if "statusFilter" in request:
            wanted["status"] = request["statusFilter"]
        found = self._store.list(
            KIND, lambda kept: all(kept.get(key) == value for key, value in wanted.items())
        )
        page, token = page_of(found[::-1], request)
        summaries = [{key: kept[key] for key in SUMMARY if key in kept} for kept in page]
        return {"executions": summaries, **token}

    def _history(self, request: dict[str, Any]) -> dict[str, Any]:
        events = history.lines(self.path(self.get(request["executionArn"])))
        if request.get("reverseOrder"):
            events.reverse()
        page, token = page_of(events, request)
        parsed = [json.loads(line) for line in page]
        if not request.get("includeExecutionData", True):
            parsed = [history.without_data(event) for event in parsed]
        return {"events": parsed, **token}

    def _describe_machine(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = self.get(request["executionArn"])
        revision = self._machines.revision(execution["_revision"])
        return {
            "stateMachineArn": execution["stateMachineArn"],
            "name": parse_machine_arn(execution["stateMachineArn"]).name,
            "definition": revision["definition"],
            "roleArn": revision["roleArn"],
            "updateDate": revision["_made"],
            "loggingConfiguration": revision["loggingConfiguration"],
            "revisionId": execution["_revision"],
        }
