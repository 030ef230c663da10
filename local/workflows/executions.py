"""Executions: starting, stopping, describing them, and ending those that a stopped server left."""

from __future__ import annotations

import json
import threading
import uuid
from pathlib import Path
from typing import Any

from local.backend import Action, Backend
from local.errors import ApiError
from local.store import Document, NoSuchDocument, public
from local.workflows import history
from local.workflows.errors import invalid_input, no_execution
from local.workflows.history import History
from local.workflows.machines import Machines
from local.workflows.names import check_name, parse_machine_arn
from local.workflows.outcome import announce
from local.workflows.paging import page_of
from local.workflows.run import Order, Run

KIND = "Execution"
LARGEST_HISTORY = 25_000  # events; AWS ends an execution that reaches it
STOPPED = "The embedded AWS stopped while this execution ran."
SUMMARY = (
    *("executionArn", "stateMachineArn", "stateMachineVersionArn", "stateMachineAliasArn"),
    *("name", "status", "startDate", "stopDate"),
)


class Executions:
    """The executions of one server. Their inputs and outputs are in their histories alone."""

    def __init__(self, backend: Backend, machines: Machines) -> None:
        self._backend = backend
        self._store = backend.store
        self._machines = machines
        self._folder = backend.folder / "executions"
        self._lock = threading.RLock()
        self.running: dict[str, Run] = {}
        self.activities: dict[str, Any] = {}
        self.actions: dict[str, Action] = {
            "StartExecution": self._start,
            "StartSyncExecution": self._start_sync,
            "StopExecution": self._stop,
            "DescribeExecution": self._describe,
            "ListExecutions": self._list,
            "GetExecutionHistory": self._history,
            "DescribeStateMachineForExecution": self._describe_machine,
            "DeleteStateMachine": self._delete_machine,
        }

    def recover(self) -> None:
        """Fail what was running when the server stopped, and finish what was being deleted."""
        for execution in self._store.list(KIND, lambda kept: kept["status"] == "RUNNING"):
            path = self._path(execution)
            events = history.read(path)
            if not events or events[-1]["type"] not in history.OUTCOMES:
                now = self._backend.now()
                history.append_failure(path, "States.Runtime", STOPPED, now)
                events = history.read(path)
            self._finish(execution["executionArn"], events[-1])
        for arn in self._machines.retired():
            self._forget_machine(arn)

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = self._begin(request)
        return {key: execution[key] for key in ("executionArn", "startDate")}

    def _start_sync(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = self._begin(request, express_only=True)
        arn = execution["executionArn"]
        self._store.wait(KIND, arn, lambda kept: kept["status"] != "RUNNING")
        answer = self._describe({"executionArn": arn})
        took = max(1, round((answer["stopDate"] - answer["startDate"]) * 1000))
        billed = {"billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": took}
        return answer | {"billingDetails": billed}

    def _begin(self, request: dict[str, Any], express_only: bool = False) -> Document:
        text = request.get("input", "{}")
        value = _parse_input(text)
        name = request.get("name") or str(uuid.uuid4())
        check_name(name)
        execution, revision = self._new(request["stateMachineArn"], name)
        if express_only and execution["_kind"] != "EXPRESS":
            raise ApiError(
                "StateMachineTypeNotSupported",
                "This operation is not supported by this type of state machine",
            )
        with self._lock:
            if existing := self._same(execution, text):
                return existing
            run = self._run(execution, revision, text, value)
            self._store.create(KIND, execution["executionArn"], execution)
            self.running[execution["executionArn"]] = run
        announce(self._backend, execution, text, None)
        run.start()
        return execution

    def _new(self, machine_arn: str, name: str) -> tuple[Document, Document]:
        """The document of a new execution, and the revision that it runs."""
        parsed = parse_machine_arn(machine_arn)
        machine = self._machines.get(parsed.machine)
        if machine["status"] == "DELETING":
            raise ApiError("StateMachineDeleting", f"State Machine is deleting: '{machine_arn}'")
        revision = machine["_revision"]
        execution: Document = {"stateMachineArn": parsed.machine, "name": name, "status": "RUNNING"}
        if parsed.qualifier:
            if parsed.alias:
                version = self._machines.versions.chosen_by(machine_arn)
                execution["stateMachineAliasArn"] = machine_arn
            else:
                version = self._machines.versions.get(machine_arn)
            execution["stateMachineVersionArn"] = version["stateMachineVersionArn"]
            revision = version["_revision"]
        kind = machine["type"]
        execution |= {
            "executionArn": self._arn(kind, parsed.name, name),
            "startDate": self._backend.now(),
            "_revision": revision,
            "_kind": kind,
        }
        return execution, self._machines.revision(revision)

    def _arn(self, kind: str, machine: str, name: str) -> str:
        place = f"arn:aws:states:{self._backend.region}:{self._backend.account}"
        if kind == "EXPRESS":
            return f"{place}:express:{machine}:{name}:{uuid.uuid4()}"
        return f"{place}:execution:{machine}:{name}"

    def _same(self, execution: Document, text: str) -> Document | None:
        """The running execution of the same name and input; refuses any other of that name."""
        arn = execution["executionArn"]
        existing = self._store.find(KIND, arn)
        if existing is None:
            return None
        run = self.running.get(arn)
        if existing["status"] == "RUNNING" and run and run.order.text == text:
            return existing
        raise ApiError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")

    def _run(self, execution: Document, revision: Document, text: str, value: Any) -> Run:
        arn = execution["executionArn"]
        machine_arn = execution["stateMachineArn"]
        order = Order(
            execution_arn=arn,
            name=execution["name"],
            machine_arn=machine_arn,
            machine_name=parse_machine_arn(machine_arn).name,
            kind=execution["_kind"],
            definition=revision["definition"],
            role=revision["roleArn"],
            text=text,
            input=value,
            started=execution["startDate"],
            account=self._backend.account,
            region=self._backend.region,
        )

        def listen(event: history.Event) -> None:
            if event["type"] in history.OUTCOMES:
                self._finish(arn, event)

        kept = History(self._path(execution), self._backend.now, LARGEST_HISTORY, (listen,))
        return Run(order, kept, self.activities)

    def _finish(self, arn: str, event: history.Event) -> None:
        """Write down how an execution ended, and let go of what held it in memory."""
        details = history.details_of(event)
        fields: dict[str, Any] = {
            "status": history.OUTCOMES[event["type"]],
            "stopDate": event["timestamp"],
        }
        fields |= {key: details[key] for key in ("error", "cause") if details.get(key) is not None}
        try:
            execution = self._store.set(KIND, arn, **fields)
        except NoSuchDocument:
            return
        with self._lock:
            run = self.running.pop(arn, None)
        if run:
            run.unwind()
        announce(self._backend, execution, self._input(execution), details.get("output"))
        if execution["stateMachineArn"] in self._machines.retired():
            self._forget_machine(execution["stateMachineArn"])

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = self._get(request["executionArn"])
        if execution["_kind"] == "EXPRESS":
            raise ApiError(
                "ValidationException", "Express executions cannot be stopped by StopExecution."
            )
        run = self.running.get(request["executionArn"])
        if run:
            run.stop(request.get("error"), request.get("cause"))
            stopped = self._store.find(KIND, request["executionArn"])
            return {"stopDate": (stopped or {}).get("stopDate", self._backend.now())}
        return {"stopDate": execution["stopDate"]}

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = self._get(request["executionArn"])
        answer = public(execution) | {
            "input": self._input(execution),
            "inputDetails": {"included": True},
            "redriveCount": 0,
            "redriveStatus": "NOT_REDRIVABLE",
            "redriveStatusReason": f"Execution is {execution['status']} and cannot be redriven",
        }
        if execution["status"] == "SUCCEEDED":
            last = json.loads(history.lines(self._path(execution))[-1])
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
        events = history.lines(self._path(self._get(request["executionArn"])))
        if request.get("reverseOrder"):
            events.reverse()
        page, token = page_of(events, request)
        parsed = [json.loads(line) for line in page]
        if not request.get("includeExecutionData", True):
            parsed = [history.without_data(event) for event in parsed]
        return {"events": parsed, **token}

    def _describe_machine(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = self._get(request["executionArn"])
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

    def _delete_machine(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = parse_machine_arn(request["stateMachineArn"]).machine
        self._machines.retire(arn)
        if arn in self._machines.retired():
            self._forget_machine(arn)
        return {}

    def _forget_machine(self, arn: str) -> None:
        """Remove a machine that is to be deleted with its executions, once none runs."""
        with self._lock:
            kept = self._store.list(KIND, lambda kept: kept["stateMachineArn"] == arn)
            if any(execution["status"] == "RUNNING" for execution in kept):
                return
            for execution in kept:
                self._store.delete(KIND, execution["executionArn"])
                self._path(execution).unlink(missing_ok=True)
            try:
                self._machines.forget(arn)
            except NoSuchDocument:
                return  # two executions ended at once

    def _get(self, arn: str) -> Document:
        execution = self._store.find(KIND, arn)
        if execution is None:
            raise no_execution(arn)
        return execution

    def _path(self, execution: Document) -> Path:
        machine, _, name = str(execution["executionArn"]).split(":", 6)[6].partition(":")
        return self._folder / machine / f"{name.replace(':', '.')}.jsonl"

    def _input(self, execution: Document) -> str:
        """The input's text, from the first event."""
        run = self.running.get(execution["executionArn"])
        if run:
            return run.order.text
        with_input = history.first(self._path(execution))
        return str(history.details_of(with_input)["input"]) if with_input else "{}"


def _parse_input(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise invalid_input(str(error)) from error
