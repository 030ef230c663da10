"""CloudFormation's API: stacks and their change sets, made, executed and deleted."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from local.backend import Action, Backend
from local.errors import ApiError
from local.iam.caller import acting, acting_now, caller
from local.stacks.clients import Clients
from local.stacks.document import STACK
from local.stacks.execution import Execution
from local.stacks.reading import Reading
from local.stacks.records import CHANGE_SET, Records
from local.stacks.stack import Change
from local.stacks.template import invalid, read_template
from local.store import Document

EMPTY = (
    "The submitted information didn't contain changes. "
    "Submit different information to create a change set."
)
UPDATABLE = (
    *("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"),
    "UPDATE_ROLLBACK_FAILED",
)


class Stacks:
    """Stacks in the store; what is under way is carried out by a thread for each."""

    def __init__(self, backend: Backend) -> None:
        self._now = backend.now
        self._store = backend.store
        self._records = Records(backend)
        clients = Clients(backend.credentials)
        self._execution = Execution(
            backend.store, clients.get, backend.region, backend.account, backend.now
        )
        self._lock = threading.Lock()
        self.actions: dict[str, Action] = {
            **Reading(backend, self._records).actions,
            "CreateChangeSet": self._create_change_set,
            "ExecuteChangeSet": self._execute_change_set,
            "DeleteChangeSet": self._delete_change_set,
            "CreateStack": self._create_stack,
            "UpdateStack": self._update_stack,
            "DeleteStack": self._delete_stack,
        }

    def recover(self) -> None:
        """Go on with what a killed server had under way; needs a server that answers."""
        for document in self._store.list(STACK):
            if document["StackStatus"] == "DELETE_IN_PROGRESS":
                self._start(self._execution.delete, document["StackId"])
            elif document["StackStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
                self._carry_out(document["StackId"])
            elif document["StackStatus"].endswith("ROLLBACK_IN_PROGRESS"):
                verb = "UPDATE" if document["StackStatus"].startswith("UPDATE") else "CREATE"
                reason = document["StackStatusReason"]
                self._start(self._execution.take_back, document["StackId"], verb, reason)

    def _create_change_set(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            stack = self._stack_for(request, request.get("ChangeSetType", "UPDATE"))
            wanted = self._records.wanted(request, stack)
            version = self._records.version(stack, wanted)
            name = request["ChangeSetName"]
            if any(c["ChangeSetName"] == name for c in self._records.change_sets(stack["StackId"])):
                raise ApiError("AlreadyExistsException", f"ChangeSet {name} already exists")
            identity = f"changeSet/{name}/{uuid.uuid4()}"
            changes = version.changes(stack["_resources"])
            # A stack's tags and outputs count, even where no resource changes.
            same = not changes and self._records.is_same(stack, wanted)
            document = {
                "ChangeSetId": self._records.arn(identity),
                "ChangeSetName": name,
                "StackId": stack["StackId"],
                "StackName": stack["StackName"],
                "Description": request.get("Description", ""),
                "Parameters": _pairs(version.values, "ParameterKey", "ParameterValue"),
                "Tags": _pairs(version.tags, "Key", "Value"),
                "Capabilities": request.get("Capabilities", []),
                "CreationTime": self._now(),
                "Status": "FAILED" if same else "CREATE_COMPLETE",
                "ExecutionStatus": "UNAVAILABLE" if same else "AVAILABLE",
                **({"StatusReason": EMPTY} if same else {}),
                "Changes": [_described(change) for change in changes],
                "_wanted": wanted,
            }
            self._store.create(CHANGE_SET, document["ChangeSetId"], document)
            return {"Id": document["ChangeSetId"], "StackId": stack["StackId"]}

    def _stack_for(self, request: Mapping[str, Any], kind: str) -> Document:
        name = request["StackName"]
        found = self._records.find(name)
        if kind == "CREATE":
            if found and found["StackStatus"] != "REVIEW_IN_PROGRESS":
                raise ApiError("AlreadyExistsException", f"Stack [{name}] already exists")
            return found or self._records.begin(name)
        if kind != "UPDATE":
            raise invalid(f"The embedded AWS does not know the change set type {kind}.")
        return self._settled(self._records.existing(name))

    def _settled(self, stack: Document) -> Document:
        if stack["StackStatus"] not in UPDATABLE:
            raise invalid(
                f"Stack:{stack['StackId']} is in {stack['StackStatus']} state and can not be "
                "updated."
            )
        return stack

    def _execute_change_set(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            change_set = self._records.change_set(request)
            if change_set["ExecutionStatus"] != "AVAILABLE":
                raise ApiError(
                    "InvalidChangeSetStatus",
                    f"ChangeSet [{change_set['ChangeSetId']}] cannot be executed in its current "
                    f"execution status of [{change_set['ExecutionStatus']}]",
                )
            stack = self._store.get(STACK, change_set["StackId"])
            is_new = stack["StackStatus"] == "REVIEW_IN_PROGRESS"
            if not is_new:
                self._settled(stack)
            # As on AWS, the other change sets of the stack are void now.
            for other in self._records.change_sets(stack["StackId"]):
                self._store.delete(CHANGE_SET, other["ChangeSetId"])
            self._begin_operation(stack, change_set["_wanted"], "CREATE" if is_new else "UPDATE")
        return {}

    def _delete_change_set(self, request: dict[str, Any]) -> dict[str, Any]:
        self._store.delete(CHANGE_SET, self._records.change_set(request)["ChangeSetId"])
        return {}

    def _begin_operation(self, stack: Document, wanted: dict[str, Any], verb: str) -> None:
        identity = stack["StackId"]
        template = read_template(wanted["text"])
        self._store.set(
            STACK,
            identity,
            _wanted=wanted,
            _before=stack["_resources"],
            _making={},
            _replaced=[],
            Description=template.get("Description", ""),
        )
        self._note_caller(identity)
        self._execution.tell(identity, f"{verb}_IN_PROGRESS", "User Initiated")
        self._carry_out(identity)

    def _carry_out(self, identity: str) -> None:
        stack = self._store.get(STACK, identity)
        verb = stack["StackStatus"].partition("_")[0]
        version = self._records.version(stack, stack["_wanted"])
        self._start(self._execution.carry_out, identity, version, verb)

    def _start(self, work: Callable[..., None], identity: str, *more: Any) -> None:
        """In the name of who asked for it, also when a server goes on with it."""
        role, session = self._store.get(STACK, identity).get("_caller", ("", ""))

        def in_their_name() -> None:
            with acting(caller(role, session)):
                work(identity, *more)

        name = identity.rpartition("/")[2]
        threading.Thread(target=in_their_name, name=name, daemon=True).start()

    def _note_caller(self, identity: str) -> None:
        """CloudFormation has no role of its own here: what it does, the caller must be allowed."""
        who = acting_now()
        self._store.set(STACK, identity, _caller=[who.role, who.session] if who else ["", ""])

    def _create_stack(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            stack = self._stack_for(request, "CREATE")
            try:
                wanted = self._records.wanted(request, stack)
            except ApiError:
                self._store.delete(STACK, stack["StackId"])
                raise
            self._begin_operation(stack, wanted, "CREATE")
            return {"StackId": stack["StackId"]}

    def _update_stack(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            stack = self._stack_for(request, "UPDATE")
            wanted = self._records.wanted(request, stack)
            if self._records.is_same(stack, wanted):
                raise invalid("No updates are to be performed.")
            self._begin_operation(stack, wanted, "UPDATE")
            return {"StackId": stack["StackId"]}

    def _delete_stack(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            stack = self._records.find(request["StackName"])
            if stack and not stack["StackStatus"].startswith("DELETE_IN"):
                for other in self._records.change_sets(stack["StackId"]):
                    self._store.delete(CHANGE_SET, other["ChangeSetId"])
                self._note_caller(stack["StackId"])
                self._execution.tell(stack["StackId"], "DELETE_IN_PROGRESS", "User Initiated")
                self._start(self._execution.delete, stack["StackId"])
        return {}


def _pairs(values: Mapping[str, str], key: str, value: str) -> list[dict[str, str]]:
    return [{key: name, value: text} for name, text in values.items()]


def _described(change: Change) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Action": change.action,
        "LogicalResourceId": change.name,
        "ResourceType": change.kind,
    }
    if change.physical:
        found["PhysicalResourceId"] = change.physical
    if change.action == "Modify":
        found["Replacement"] = "True" if change.replaced else "False"
        found["Scope"] = ["Tags" if name == "Tags" else "Properties" for name in change.properties]
        found["Details"] = [
            {
                "Target": {"Attribute": "Properties", "Name": name},
                "Evaluation": "Static",
                "ChangeSource": "DirectModification",
            }
            for name in change.properties
        ]
    return {"Type": "Resource", "ResourceChange": found}
