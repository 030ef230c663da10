"""Stacks and change sets as they are kept: found by name or id, begun, and compared."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from local.backend import Backend
from local.errors import ApiError
from local.stacks.document import STACK
from local.stacks.parameters import parameter_values
from local.stacks.stack import Version
from local.stacks.template import invalid, read_template
from local.store import Document

CHANGE_SET = "ChangeSet"
GONE = "DELETE_COMPLETE"
NAMED_ROLES = ("CAPABILITY_NAMED_IAM",)
IAM_CAPABILITIES = (*NAMED_ROLES, "CAPABILITY_IAM")


class Records:
    """The stacks of one server's store."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._store = backend.store

    def find(self, name: str) -> Document | None:
        """The stack of this name that is not deleted, or the one of this id."""
        there = self._store.list(STACK, lambda found: name == found["StackName"])
        return next(filter(is_there, there), None) or self._store.find(STACK, name)

    def existing(self, name: str, gone: bool = False) -> Document:
        found = self.find(name)
        if found is None or not (gone or is_there(found)):
            raise invalid(f"Stack with id {name} does not exist")
        return found

    def begin(self, name: str) -> Document:
        identity = self.arn(f"stack/{name}/{uuid.uuid4()}")
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
        }
        self._store.create(STACK, identity, document)
        return document

    def wanted(self, request: Mapping[str, Any], stack: Document) -> dict[str, Any]:
        """The template, values and tags that a request asks for; raises ApiError."""
        if "TemplateURL" in request:
            raise invalid("The embedded AWS takes templates in TemplateBody only.")
        previous = request.get("UsePreviousTemplate")
        text = stack["_template"] if previous else request.get("TemplateBody", "")
        template = read_template(text)
        tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
        values = parameter_values(template, request.get("Parameters", []), stack["_values"])
        wanted = {"text": text, "values": values, "tags": tags}
        self.version(stack, wanted).check()
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

    def version(self, stack: Mapping[str, Any], wanted: Mapping[str, Any]) -> Version:
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

    def is_same(self, stack: Document, wanted: Mapping[str, Any]) -> bool:
        kept = {tag["Key"]: tag["Value"] for tag in stack["Tags"]}
        return bool(
            stack["_template"] == wanted["text"]
            and stack["_values"] == wanted["values"]
            and kept == wanted["tags"]
        )

    def change_set(self, request: Mapping[str, Any]) -> Document:
        name, stack = request["ChangeSetName"], request.get("StackName")
        for found in self._store.list(CHANGE_SET):
            owner = (found["StackId"], found["StackName"])
            if found["ChangeSetId"] == name or (found["ChangeSetName"] == name and stack in owner):
                return found
        raise ApiError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist")

    def change_sets(self, identity: str) -> list[Document]:
        return self._store.list(CHANGE_SET, lambda found: found["StackId"] == identity)

    def arn(self, resource: str) -> str:
        backend = self._backend
        return f"arn:aws:cloudformation:{backend.region}:{backend.account}:{resource}"


def is_there(stack: Document) -> bool:
    return bool(stack["StackStatus"] != GONE)
