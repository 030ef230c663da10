"""Executions: starting and stopping them, and ending those that a stopped server left."""

from __future__ import annotations

import json
import threading
import uuid
from typing import Any

from local.backend import Action, Backend
from local.errors import ApiError
from local.store import Document, NoSuchDocument
from local.workflows import history
from local.workflows.errors import invalid_input
from local.workflows.history import History
from local.workflows.machines import Machines
from local.workflows.names import check_name, parse_machine_arn
from local.workflows.outcome import announce
from local.workflows.records import KIND, ExecutionRecords
from local.workflows.run import Order, Run

LARGEST_HISTORY = 25_000  # events; AWS ends an execution that reaches it
STOPPED = "The embedded AWS stopped while this execution ran."


class Executions:
    """The executions of one server. Their inputs and outputs are in their histories alone."""

    def __init__(self, backend: Backend, machines: Machines) -> None:
        self._backend = backend
        self._store = backend.store
        self._machines = machines
        self._lock = threading.RLock()
        self.running: dict[str, Run] = {}
        self._records = ExecutionRecords(backend, machines, self.running)
        self.activities: dict[str, Any] = {}
        self.actions: dict[str, Action] = {
            "StartExecution": self._start,
            "StartSyncExecution": self._start_sync,
            "StopExecution": self._stop,
            "DeleteStateMachine": self._delete_machine,
            **self._records.actions,
        }

    def recover(self) -> None:
        """Fail what was running when the server stopped, and finish what was being deleted."""
        for execution in self._store.list(KIND, lambda kept: kept["status"] == "RUNNING"):
            path = self._records.path(execution)
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
        answer = self._records.describe({"executionArn": arn})
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

        kept = History(self._records.path(execution), self._backend.now, LARGEST_HISTORY, (listen,))
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
        announce(self._backend, execution, self._records.input(execution), details.get("output"))
        if execution["stateMachineArn"] in self._machines.retired():
            self._forget_machine(execution["stateMachineArn"])

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = self._records.get(request["executionArn"])
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
                self._records.path(execution).unlink(missing_ok=True)
            try:
                self._machines.forget(arn)
            except NoSuchDocument:
                return  # two executions ended at once


def _parse_input(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise invalid_input(str(error)) from error
