"""Model package groups: the registry's folders, each with its own counter of versions."""

from __future__ import annotations

import json
from typing import Any

from local.backend import Action, Backend
from local.errors import conflict, validation_error
from local.listing import Listing
from local.store import Document, DocumentExists, public

KIND = "ModelPackageGroup"
GROUPS = Listing(
    answer="ModelPackageGroupSummaryList",
    name="ModelPackageGroupName",
    summary=(
        "ModelPackageGroupName",
        "ModelPackageGroupArn",
        "ModelPackageGroupDescription",
        "CreationTime",
        "ModelPackageGroupStatus",
    ),
)


class Groups:
    """The actions on groups; `package_kind` is the store's kind of what lies in them."""

    def __init__(self, backend: Backend, package_kind: str) -> None:
        self._backend = backend
        self._store = backend.store
        self._package_kind = package_kind
        self.actions: dict[str, Action] = {
            "CreateModelPackageGroup": self._create,
            "DescribeModelPackageGroup": self._describe,
            "ListModelPackageGroups": self._list,
            "DeleteModelPackageGroup": self._delete,
            "PutModelPackageGroupPolicy": self._put_policy,
            "GetModelPackageGroupPolicy": self._get_policy,
            "DeleteModelPackageGroupPolicy": self._delete_policy,
        }

    def get(self, name_or_arn: str) -> Document:
        """The group; raises ApiError."""
        name = name_or_arn.rpartition("/")[2]
        document = self._store.find(KIND, name)
        if document is None:
            arn = self._backend.arn(f"model-package-group/{name}")
            raise validation_error(f"ModelPackageGroup {arn} does not exist.")
        return document

    def next_version(self, name_or_arn: str) -> int:
        """Take the group's next version number, for good; raises ApiError."""
        name = self.get(name_or_arn)["ModelPackageGroupName"]

        def count(document: Document) -> None:
            document["_Versions"] = document.get("_Versions", 0) + 1

        return int(self._store.update(KIND, name, count)["_Versions"])

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["ModelPackageGroupName"]
        arn = self._backend.arn(f"model-package-group/{name}")
        document = {
            "ModelPackageGroupName": name,
            "ModelPackageGroupArn": arn,
            "CreationTime": self._backend.now(),
            "CreatedBy": {},
            "ModelPackageGroupStatus": "Completed",
        }
        if "ModelPackageGroupDescription" in request:
            document["ModelPackageGroupDescription"] = request["ModelPackageGroupDescription"]
        try:
            self._store.create(KIND, name, document)
        except DocumentExists as error:
            # The SDK looks for this code and for "already exists".
            raise validation_error(f"Model Package Group already exists: {arn}") from error
        self._backend.tags.attach(arn, request.get("Tags"))
        return {"ModelPackageGroupArn": arn}

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return public(self.get(request["ModelPackageGroupName"]))

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        return GROUPS.respond(self._store.list(KIND), request)

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        group = self.get(request["ModelPackageGroupName"])
        name, arn = group["ModelPackageGroupName"], group["ModelPackageGroupArn"]
        left = self._store.list(
            self._package_kind, lambda d: d.get("ModelPackageGroupName") == name
        )
        if left:
            raise conflict(
                f"Cannot delete model package group {name}: it still has {len(left)} model "
                "packages; delete them first."
            )
        self._store.delete(KIND, name)
        self._backend.tags.remove_all(arn)
        return {}

    def _put_policy(self, request: dict[str, Any]) -> dict[str, Any]:
        """Keep who of other accounts may use the group; here there is one account to ask."""
        group = self.get(request["ModelPackageGroupName"])
        _check_policy(request["ResourcePolicy"])
        self._set_policy(group, request["ResourcePolicy"])
        return {"ModelPackageGroupArn": group["ModelPackageGroupArn"]}

    def _get_policy(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"ResourcePolicy": self._policy_of(request["ModelPackageGroupName"])}

    def _delete_policy(self, request: dict[str, Any]) -> dict[str, Any]:
        self._policy_of(request["ModelPackageGroupName"])
        self._set_policy(self.get(request["ModelPackageGroupName"]), None)
        return {}

    def _policy_of(self, name_or_arn: str) -> str:
        group = self.get(name_or_arn)
        if not group.get("_Policy"):
            name = group["ModelPackageGroupName"]
            raise validation_error(f"ModelPackageGroup {name} has no resource policy.")
        return str(group["_Policy"])

    def _set_policy(self, group: Document, policy: str | None) -> None:
        self._store.set(KIND, group["ModelPackageGroupName"], _Policy=policy)


def _check_policy(text: str) -> None:
    """A policy is a JSON object with statements; raises ApiError."""
    try:
        policy = json.loads(text)
    except ValueError as error:
        raise validation_error(f"The resource policy is no JSON: {error}") from error
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    if not statements or not isinstance(statements, list | dict):
        raise validation_error("The resource policy has no Statement.")
