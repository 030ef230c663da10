"""Versions and aliases of state machines."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from local.backend import Action, Backend
from local.errors import ApiError, validation_error
from local.store import Document, public
from local.workflows.errors import conflict, no_machine, no_resource
from local.workflows.names import check_name, parse_machine_arn
from local.workflows.paging import page_of

VERSION = "StateMachineVersion"
ALIAS = "StateMachineAlias"


class Versions:
    """What StartExecution can be given instead of a state machine."""

    def __init__(self, backend: Backend, machine: Callable[[str], Document]) -> None:
        self._store = backend.store
        self._now = backend.now
        self._machine = machine
        self.actions: dict[str, Action] = {
            "PublishStateMachineVersion": self._publish,
            "ListStateMachineVersions": self._list_versions,
            "DeleteStateMachineVersion": self._delete_version,
            "CreateStateMachineAlias": self._create_alias,
            "UpdateStateMachineAlias": self._update_alias,
            "DescribeStateMachineAlias": self._describe_alias,
            "ListStateMachineAliases": self._list_aliases,
            "DeleteStateMachineAlias": self._delete_alias,
        }

    def get(self, arn: str) -> Document:
        """A version by its ARN; raises StateMachineDoesNotExist."""
        document = self._store.find(VERSION, arn)
        if document is None:
            raise no_machine(arn)
        return document

    def newest(self, machine_arn: str) -> Document | None:
        versions = self._of(VERSION, machine_arn)
        return versions[-1] if versions else None

    def chosen_by(self, alias_arn: str) -> Document:
        """The version that an alias leads an execution to, drawn by its weights."""
        routes = self._alias(alias_arn)["routingConfiguration"]
        weights = [route["weight"] for route in routes]
        [route] = random.choices(routes, weights)  # noqa: S311 - traffic, not secrets
        return self.get(route["stateMachineVersionArn"])

    def publish(self, machine: Document, description: str | None) -> Document:
        """A new version of the machine's revision, or the newest when that has it already."""
        arn = machine["stateMachineArn"]
        newest = self.newest(arn)
        if newest and newest["_revision"] == machine["_revision"]:
            return newest
        number = max(machine.get("_last_version", 0), newest["_number"] if newest else 0) + 1
        version = {
            "stateMachineVersionArn": f"{arn}:{number}",
            "creationDate": self._now(),
            "description": description or "",
            "_machine": arn,
            "_number": number,
            "_revision": machine["_revision"],
        }
        self._store.create(VERSION, version["stateMachineVersionArn"], version)
        self._store.set("StateMachine", arn, _last_version=number)
        return version

    def delete_all(self, machine_arn: str) -> None:
        for kind, key in ((ALIAS, "stateMachineAliasArn"), (VERSION, "stateMachineVersionArn")):
            for document in self._of(kind, machine_arn):
                self._store.delete(kind, document[key])

    def _of(self, kind: str, machine_arn: str) -> list[Document]:
        return self._store.list(kind, lambda document: document["_machine"] == machine_arn)

    def _publish(self, request: dict[str, Any]) -> dict[str, Any]:
        machine = self._machine(request["stateMachineArn"])
        current = machine.get("revisionId", "INITIAL")
        if request.get("revisionId") not in (None, current):
            raise conflict(
                f"Failed to publish the State Machine version for revision "
                f"{request['revisionId']}. The current State Machine revision is {current}."
            )
        version = self.publish(machine, request.get("description"))
        return {key: version[key] for key in ("creationDate", "stateMachineVersionArn")}

    def _list_versions(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["stateMachineArn"]
        self._machine(arn)
        page, token = page_of(self._of(VERSION, arn)[::-1], request)
        keys = ("creationDate", "stateMachineVersionArn")
        return {"stateMachineVersions": [{key: v[key] for key in keys} for v in page], **token}

    def _delete_version(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["stateMachineVersionArn"]
        version = self._store.find(VERSION, arn)
        if version is None:
            return {}
        users = [
            alias["stateMachineAliasArn"]
            for alias in self._of(ALIAS, version["_machine"])
            if any(r["stateMachineVersionArn"] == arn for r in alias["routingConfiguration"])
        ]
        if users:
            raise conflict(
                "Version to be deleted must not be referenced by an alias. "
                f"Current list of aliases referencing this version: [{', '.join(users)}]"
            )
        self._store.delete(VERSION, arn)
        return {}

    def _create_alias(self, request: dict[str, Any]) -> dict[str, Any]:
        check_name(request["name"])
        routes = self._checked(request["routingConfiguration"])
        machine = self.get(routes[0]["stateMachineVersionArn"])["_machine"]
        arn = f"{machine}:{request['name']}"
        now = self._now()
        alias = {
            "stateMachineAliasArn": arn,
            "name": request["name"],
            "description": request.get("description", ""),
            "routingConfiguration": routes,
            "creationDate": now,
            "updateDate": now,
            "_machine": machine,
        }
        existing = self._store.find(ALIAS, arn)
        if existing is None:
            self._store.create(ALIAS, arn, alias)
        elif any(existing[key] != alias[key] for key in ("description", "routingConfiguration")):
            raise conflict(
                f"Failed to create alias because an alias with the same name and a different "
                f"routing configuration already exists: '{arn}'"
            )
        return {"stateMachineAliasArn": arn, "creationDate": (existing or alias)["creationDate"]}

    def _checked(self, routes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        machines = {
            parse_machine_arn(self.get(route["stateMachineVersionArn"])["_machine"]).machine
            for route in routes
        }
        if len(machines) > 1 or len(routes) > 2:
            raise validation_error(
                "Routing configuration must contain 1 or 2 versions of one state machine."
            )
        if sum(route["weight"] for route in routes) != 100:
            raise validation_error(
                "The sum of the weights in the routing configuration must be equal to 100."
            )
        return routes

    def _alias(self, arn: str) -> Document:
        document = self._store.find(ALIAS, arn)
        if document is None:
            raise no_resource(arn)
        return document

    def _update_alias(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["stateMachineAliasArn"]
        changes = {k: request[k] for k in ("description", "routingConfiguration") if k in request}
        alias = self._alias(arn)
        if not changes:
            raise ApiError(
                "MissingRequiredParameter",
                "Either the description or the routing configuration must be specified",
            )
        self._checked((alias | changes)["routingConfiguration"])
        alias = self._store.set(ALIAS, arn, **changes, updateDate=self._now())
        return {"updateDate": alias["updateDate"]}

    def _describe_alias(self, request: dict[str, Any]) -> dict[str, Any]:
        return public(self._alias(request["stateMachineAliasArn"]))

    def _list_aliases(self, request: dict[str, Any]) -> dict[str, Any]:
        parsed = parse_machine_arn(request["stateMachineArn"])
        self._machine(parsed.machine)
        aliases = self._of(ALIAS, parsed.machine)
        if parsed.version is not None:
            wanted = request["stateMachineArn"]
            aliases = [
                alias
                for alias in aliases
                if any(r["stateMachineVersionArn"] == wanted for r in alias["routingConfiguration"])
            ]
        page, token = page_of(aliases, request)
        keys = ("stateMachineAliasArn", "creationDate")
        return {"stateMachineAliases": [{key: a[key] for key in keys} for a in page], **token}

    def _delete_alias(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["stateMachineAliasArn"]
        self._alias(arn)
        self._store.delete(ALIAS, arn)
        return {}
