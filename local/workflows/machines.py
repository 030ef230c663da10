"""State machines: what they are defined by, and the revisions that their executions ran."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from local.backend import Action, Backend
from local.errors import ApiError
from local.store import Document, public
from local.workflows.errors import no_machine
from local.workflows.names import check_name, parse_machine_arn
from local.workflows.paging import page_of
from local.workflows.versions import Versions

KIND = "StateMachine"
REVISION = "StateMachineRevision"  # a definition and a role; executions and versions point to one
SETTINGS = ("loggingConfiguration", "tracingConfiguration", "encryptionConfiguration")
SAME = ("definition", "type", *SETTINGS)  # what makes a second Create the same as the first
SUMMARY = ("stateMachineArn", "name", "type", "creationDate")


class Machines:
    """CreateStateMachine and its neighbours. `check` raises InvalidDefinition."""

    def __init__(self, backend: Backend, check: Callable[[str, str], None]) -> None:
        self._backend = backend
        self._store = backend.store
        self._check = check
        self.versions = Versions(backend, self.get)
        self.actions: dict[str, Action] = {
            "CreateStateMachine": self._create,
            "UpdateStateMachine": self._update,
            "DescribeStateMachine": self._describe,
            "ListStateMachines": self._list,
            **self.versions.actions,
        }

    def get(self, arn: str) -> Document:
        """The state machine of an ARN without qualifier; raises StateMachineDoesNotExist."""
        document = self._store.find(KIND, arn)
        if document is None:
            raise no_machine(arn)
        return document

    def revision(self, identifier: str) -> Document:
        """The definition and role that an execution or version was made from."""
        return self._store.get(REVISION, identifier)

    def retire(self, arn: str) -> None:
        """Let no execution start any more; `forget` follows once none runs."""
        if self._store.find(KIND, arn):
            self._store.set(KIND, arn, status="DELETING")

    def retired(self) -> list[str]:
        """The machines that are to be forgotten."""
        documents = self._store.list(KIND, lambda machine: machine["status"] == "DELETING")
        return [document["stateMachineArn"] for document in documents]

    def forget(self, arn: str) -> None:
        """Remove a machine with its versions, aliases, tags and revisions."""
        self.versions.delete_all(arn)
        self._backend.tags.remove_all(arn)
        for document in self._store.list(REVISION, lambda kept: kept["_machine"] == arn):
            self._store.delete(REVISION, document["_id"])
        self._store.delete(KIND, arn)

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["name"]
        check_name(name)
        _check_version_description(request)
        document = self._new(request)
        arn = document["stateMachineArn"]
        existing = self._store.find(KIND, arn)
        if existing:
            _refuse_another(existing, document)
            return self._created(existing, request, again=True)
        self._check(document["definition"], document["type"])
        document["_revision"] = self._add_revision(arn, document)
        self._store.create(KIND, arn, document)
        self._backend.tags.attach(arn, _upper(request.get("tags", [])))
        return self._created(document, request)

    def _new(self, request: dict[str, Any]) -> Document:
        region, account = self._backend.region, self._backend.account
        now = self._backend.now()
        return {
            "stateMachineArn": f"arn:aws:states:{region}:{account}:stateMachine:{request['name']}",
            "name": request["name"],
            "status": "ACTIVE",
            "definition": request["definition"],
            "roleArn": request["roleArn"],
            "type": request.get("type", "STANDARD"),
            "creationDate": now,
            "loggingConfiguration": {
                "level": "OFF",
                "includeExecutionData": False,
                **request.get("loggingConfiguration", {}),
            },
            "tracingConfiguration": request.get("tracingConfiguration", {"enabled": False}),
            "encryptionConfiguration": request.get(
                "encryptionConfiguration", {"type": "AWS_OWNED_KEY"}
            ),
            "_updated": now,
        }

    def _created(
        self, document: Document, request: dict[str, Any], again: bool = False
    ) -> dict[str, Any]:
        arn = document["stateMachineArn"]
        answer = {"stateMachineArn": arn, "creationDate": document["creationDate"]}
        if request.get("publish"):
            version = self.versions.newest(arn) if again else None
            if version is None:
                version = self.versions.publish(document, request.get("versionDescription"))
            answer["stateMachineVersionArn"] = version["stateMachineVersionArn"]
        return answer

    def _add_revision(self, arn: str, machine: Document) -> str:
        identifier = str(uuid.uuid4())
        fields = ("definition", "roleArn", "loggingConfiguration", "type")
        revision = {name: machine[name] for name in fields}
        revision |= {"_id": identifier, "_machine": arn, "_made": self._backend.now()}
        self._store.create(REVISION, identifier, revision)
        return identifier

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = parse_machine_arn(request["stateMachineArn"]).machine
        _check_version_description(request)
        changes = {
            key: request[key] for key in ("definition", "roleArn", *SETTINGS) if key in request
        }
        if not changes and not request.get("publish"):
            raise ApiError(
                "MissingRequiredParameter",
                "Either the definition, the role ARN, the LoggingConfiguration, the "
                "EncryptionConfiguration or the TracingConfiguration must be specified",
            )
        machine = self.get(arn)
        if "definition" in changes:
            self._check(changes["definition"], machine["type"])
        return self._apply(machine, changes, request)

    def _apply(
        self, machine: Document, changes: dict[str, Any], request: dict[str, Any]
    ) -> dict[str, Any]:
        arn = machine["stateMachineArn"]
        changed = machine | changes | {"_updated": self._backend.now()}
        if changes:
            changed["_revision"] = self._add_revision(arn, changed)
            if {"definition", "roleArn"} & changes.keys():
                changed["revisionId"] = changed["_revision"]
        machine = self._store.update(KIND, arn, lambda kept: kept.update(changed))
        answer = {"updateDate": machine["_updated"]}
        if "revisionId" in machine:
            answer["revisionId"] = machine["revisionId"]
        if request.get("publish"):
            version = self.versions.publish(machine, request.get("versionDescription"))
            answer["stateMachineVersionArn"] = version["stateMachineVersionArn"]
        return answer

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        parsed = parse_machine_arn(request["stateMachineArn"])
        machine = self.get(parsed.machine)
        if parsed.alias:
            raise no_machine(request["stateMachineArn"])
        if parsed.version is not None:
            version = self.versions.get(request["stateMachineArn"])
            revision = self.revision(version["_revision"])
            machine |= {key: value for key, value in revision.items() if not key.startswith("_")}
            machine |= {
                "stateMachineArn": version["stateMachineVersionArn"],
                "creationDate": version["creationDate"],
                "description": version.get("description", ""),
                "revisionId": version["_revision"],
            }
        return public(machine)

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        machines = sorted(self._store.list(KIND), key=lambda machine: str(machine["name"]))
        page, token = page_of(machines, request)
        answer: dict[str, Any] = {
            "stateMachines": [{key: machine[key] for key in SUMMARY} for machine in page]
        }
        return answer | token


def _refuse_another(existing: Document, wanted: Document) -> None:
    arn = existing["stateMachineArn"]
    if existing["status"] == "DELETING":
        raise ApiError("StateMachineDeleting", f"State Machine is being deleted: '{arn}'")
    if any(existing[key] != wanted[key] for key in SAME):
        raise ApiError("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")


def _check_version_description(request: dict[str, Any]) -> None:
    if request.get("versionDescription") and not request.get("publish"):
        raise ApiError(
            "ValidationException", "Version description can only be set when publish is true"
        )


def _upper(tags: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{"Key": tag["key"], "Value": tag.get("value", "")} for tag in tags]
