"""CloudFormation's API: stacks and their change sets."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from local.backend import Action, Backend
from local.errors import ApiError
from local.stacks.clients import Clients
from local.stacks.execution import STACK, Execution
from local.stacks.parameters import parameter_values
from local.stacks.stack import Change, Version
from local.stacks.template import invalid, read_template
from local.store import Document, public

CHANGE_SET = "ChangeSet"
EMPTY = (
    "The submitted information didn't contain changes. "
    "Submit different information to create a change set."
)
GONE = "DELETE_COMPLETE"
NAMED_ROLES = ("CAPABILITY_NAMED_IAM",)
IAM_CAPABILITIES = (*NAMED_ROLES, "CAPABILITY_IAM")
UPDATABLE = (
    *("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"),
    "UPDATE_ROLLBACK_FAILED",
)


class Stacks:
    """Stacks in the store; what is under way is carried out by a thread for each."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._store = backend.store
        self._clients = Clients(backend.job_environment)
        self._execution = Execution(
            backend.store, self._clients.get, backend.region, backend.account, backend.now
        )
        self._lock = threading.Lock()
        self.actions: dict[str, Action] = {
            "CreateChangeSet": self._create_change_set,
            "DescribeChangeSet": self._describe_change_set,
            "ExecuteChangeSet": self._execute_change_set,
            "DeleteChangeSet": self._delete_change_set,
            "ListChangeSets": self._list_change_sets,
            "CreateStack": self._create_stack,
            "UpdateStack": self._update_stack,
            "DeleteStack": self._delete_stack,
            "DescribeStacks": self._describe_stacks,
            "ListStacks": self._list_stacks,
            "DescribeStackEvents": self._describe_events,
            "DescribeStackResources": self._describe_resources,
            "ListStackResources": self._list_resources,
            "GetTemplate": self._get_template,
            "ValidateTemplate": self._validate_template,
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
            wanted = self._wanted(request, stack)
            version = self._version(stack, wanted)
            name = request["ChangeSetName"]
            if any(c["ChangeSetName"] == name for c in self._change_sets(stack["StackId"])):
                raise ApiError("AlreadyExistsException", f"ChangeSet {name} already exists")
            identity = f"changeSet/{name}/{uuid.uuid4()}"
            changes = version.changes(stack["_resources"])
            # A stack's tags and outputs count, even where no resource changes.
            same = not changes and self._is_same(stack, wanted)
            document = {
                "ChangeSetId": self._arn(identity),
                "ChangeSetName": name,
                "StackId": stack["StackId"],
                "StackName": stack["StackName"],
                "Description": request.get("Description", ""),
                "Parameters": _pairs(version.values, "ParameterKey", "ParameterValue"),
                "Tags": _pairs(version.tags, "Key", "Value"),
                "Capabilities": request.get("Capabilities", []),
                "CreationTime": self._backend.now(),
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
        found = self._find(name)
        if kind == "CREATE":
            if found and found["StackStatus"] != "REVIEW_IN_PROGRESS":
                raise ApiError("AlreadyExistsException", f"Stack [{name}] already exists")
            return found or self._begin(name)
        if kind != "UPDATE":
            raise invalid(f"The embedded AWS does not know the change set type {kind}.")
        return self._settled(self._existing(name))

    def _settled(self, stack: Document) -> Document:
        if stack["StackStatus"] not in UPDATABLE:
            raise invalid(
                f"Stack:{stack['StackId']} is in {stack['StackStatus']} state and can not be "
                "updated."
            )
        return stack

    def _begin(self, name: str) -> Document:
        identity = self._arn(f"stack/{name}/{uuid.uuid4()}")
        document = {
            "StackId": identity,
            "StackName": name,
            "StackStatus": "REVIEW_IN_PROGRESS",
            "StackStatusReason": "",
            "CreationTime": self._backend.now(),
            "Parameters": [],
            "Tags": [],
            "Outputs": [],
            "DisableRollback": False,
            "_template": "",
            "_values": {},
            "_resources": {},
            "_before": {},
            "_making": {},
            "_replaced": [],
            "_wanted": {},
            "_events": [],
        }
        self._store.create(STACK, identity, document)
        return document

    def _wanted(self, request: Mapping[str, Any], stack: Document) -> dict[str, Any]:
        """The template, values and tags that a request asks for; raises ApiError."""
        if "TemplateURL" in request:
            raise invalid("The embedded AWS takes templates in TemplateBody only.")
        previous = request.get("UsePreviousTemplate")
        text = stack["_template"] if previous else request.get("TemplateBody", "")
        template = read_template(text)
        tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
        values = parameter_values(template, request.get("Parameters", []), stack["_values"])
        wanted = {"text": text, "values": values, "tags": tags}
        self._version(stack, wanted).check()
        self._check_capabilities(template, request.get("Capabilities", []))
        return wanted

    def _check_capabilities(self, template: Mapping[str, Any], given: list[str]) -> None:
        roles = [n for n in template["Resources"].values() if n["Type"].startswith("AWS::IAM::")]
        named = any(key.endswith("Name") for node in roles for key in node.get("Properties", {}))
        wanted = NAMED_ROLES if named else IAM_CAPABILITIES
        if roles and not {*given} & {*wanted}:
            raise ApiError(
                "InsufficientCapabilitiesException", f"Requires capabilities : [{wanted[0]}]"
            )

    def _version(self, stack: Mapping[str, Any], wanted: Mapping[str, Any]) -> Version:
        pseudo = {
            "AWS::AccountId": self._backend.account,
            "AWS::Partition": "aws",
            "AWS::Region": self._backend.region,
            "AWS::StackId": stack["StackId"],
            "AWS::StackName": stack["StackName"],
            "AWS::URLSuffix": "amazonaws.com",
        }
        template = read_template(wanted["text"])
        return Version(template, wanted["values"], wanted["tags"], pseudo)

    def _is_same(self, stack: Document, wanted: Mapping[str, Any]) -> bool:
        kept = {tag["Key"]: tag["Value"] for tag in stack["Tags"]}
        return bool(
            stack["_template"] == wanted["text"]
            and stack["_values"] == wanted["values"]
            and kept == wanted["tags"]
        )

    def _execute_change_set(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            change_set = self._change_set(request)
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
            for other in self._change_sets(stack["StackId"]):
                self._store.delete(CHANGE_SET, other["ChangeSetId"])
            self._begin_operation(stack, change_set["_wanted"], "CREATE" if is_new else "UPDATE")
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
        self._execution.tell(identity, f"{verb}_IN_PROGRESS", "User Initiated")
        self._carry_out(identity)

    def _carry_out(self, identity: str) -> None:
        stack = self._store.get(STACK, identity)
        verb = stack["StackStatus"].partition("_")[0]
        version = self._version(stack, stack["_wanted"])
        self._start(self._execution.carry_out, identity, version, verb)

    def _start(self, work: Callable[..., None], identity: str, *more: Any) -> None:
        name = identity.rpartition("/")[2]
        threading.Thread(target=work, args=(identity, *more), name=name, daemon=True).start()

    def _create_stack(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            stack = self._stack_for(request, "CREATE")
            try:
                wanted = self._wanted(request, stack)
            except ApiError:
                self._store.delete(STACK, stack["StackId"])
                raise
            self._begin_operation(stack, wanted, "CREATE")
            return {"StackId": stack["StackId"]}

    def _update_stack(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            stack = self._stack_for(request, "UPDATE")
            wanted = self._wanted(request, stack)
            if self._is_same(stack, wanted):
                raise invalid("No updates are to be performed.")
            self._begin_operation(stack, wanted, "UPDATE")
            return {"StackId": stack["StackId"]}

    def _delete_stack(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            stack = self._find(request["StackName"])
            if stack and not stack["StackStatus"].startswith("DELETE_IN"):
                for other in self._change_sets(stack["StackId"]):
                    self._store.delete(CHANGE_SET, other["ChangeSetId"])
                self._execution.tell(stack["StackId"], "DELETE_IN_PROGRESS", "User Initiated")
                self._start(self._execution.delete, stack["StackId"])
        return {}

    def _describe_stacks(self, request: dict[str, Any]) -> dict[str, Any]:
        if "StackName" in request:
            return {"Stacks": [public(self._existing(request["StackName"], gone=True))]}
        return {"Stacks": [public(found) for found in self._store.list(STACK, _is_there)]}

    def _list_stacks(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request.get("StackStatusFilter")
        keys = ("StackId", "StackName", "CreationTime", "StackStatus", "StackStatusReason")
        return {
            "StackSummaries": [
                {key: found[key] for key in keys}
                for found in self._store.list(STACK)
                if not wanted or found["StackStatus"] in wanted
            ]
        }

    def _describe_events(self, request: dict[str, Any]) -> dict[str, Any]:
        events = self._existing(request["StackName"], gone=True)["_events"]
        return {"StackEvents": list(reversed(events))}

    def _describe_resources(self, request: dict[str, Any]) -> dict[str, Any]:
        stack, wanted = self._existing(request["StackName"]), request.get("LogicalResourceId")
        rows = [row for row in _rows(stack) if wanted in (None, row["LogicalResourceId"])]
        return {
            "StackResources": [
                {**row, "StackId": stack["StackId"], "StackName": stack["StackName"]}
                for row in rows
            ]
        }

    def _list_resources(self, request: dict[str, Any]) -> dict[str, Any]:
        rows = _rows(self._existing(request["StackName"]))
        return {
            "StackResourceSummaries": [
                {**row, "LastUpdatedTimestamp": row.pop("Timestamp")} for row in rows
            ]
        }

    def _get_template(self, request: dict[str, Any]) -> dict[str, Any]:
        stack = self._existing(request["StackName"])
        return {"TemplateBody": stack["_template"] or stack["_wanted"].get("text", "")}

    def _validate_template(self, request: dict[str, Any]) -> dict[str, Any]:
        template = read_template(request.get("TemplateBody", ""))
        keys = {"Description": "Description", "Default": "DefaultValue", "NoEcho": "NoEcho"}
        return {
            "Description": template.get("Description", ""),
            "Parameters": [
                {
                    "ParameterKey": name,
                    **{to: str(node[key]) for key, to in keys.items() if key in node},
                }
                for name, node in template.get("Parameters", {}).items()
            ],
        }

    def _describe_change_set(self, request: dict[str, Any]) -> dict[str, Any]:
        return public(self._change_set(request))

    def _delete_change_set(self, request: dict[str, Any]) -> dict[str, Any]:
        self._store.delete(CHANGE_SET, self._change_set(request)["ChangeSetId"])
        return {}

    def _list_change_sets(self, request: dict[str, Any]) -> dict[str, Any]:
        found = self._change_sets(self._existing(request["StackName"])["StackId"])
        left = ("Changes", "Parameters", "Tags", "Capabilities")
        return {
            "Summaries": [
                {key: value for key, value in public(one).items() if key not in left}
                for one in found
            ]
        }

    def _change_set(self, request: Mapping[str, Any]) -> Document:
        name, stack = request["ChangeSetName"], request.get("StackName")
        for found in self._store.list(CHANGE_SET):
            owner = (found["StackId"], found["StackName"])
            if found["ChangeSetId"] == name or (found["ChangeSetName"] == name and stack in owner):
                return found
        raise ApiError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist")

    def _change_sets(self, identity: str) -> list[Document]:
        return self._store.list(CHANGE_SET, lambda found: found["StackId"] == identity)

    def _find(self, name: str) -> Document | None:
        """The stack of this name that is not deleted, or the one of this id."""
        there = self._store.list(STACK, lambda found: name == found["StackName"])
        return next(filter(_is_there, there), None) or self._store.find(STACK, name)

    def _existing(self, name: str, gone: bool = False) -> Document:
        found = self._find(name)
        if found is None or not (gone or _is_there(found)):
            raise invalid(f"Stack with id {name} does not exist")
        return found

    def _arn(self, resource: str) -> str:
        backend = self._backend
        return f"arn:aws:cloudformation:{backend.region}:{backend.account}:{resource}"


def _is_there(stack: Document) -> bool:
    return bool(stack["StackStatus"] != GONE)


def _pairs(values: Mapping[str, str], key: str, value: str) -> list[dict[str, str]]:
    return [{key: name, value: text} for name, text in values.items()]


def _rows(stack: Document) -> list[dict[str, Any]]:
    return [
        {
            "LogicalResourceId": name,
            "PhysicalResourceId": kept["physical"],
            "ResourceType": kept["type"],
            "ResourceStatus": "CREATE_COMPLETE",
            "Timestamp": stack.get("LastUpdatedTime", stack["CreationTime"]),
        }
        for name, kept in stack["_resources"].items()
    ]


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
