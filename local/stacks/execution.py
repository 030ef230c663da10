"""Makes a version of a stack so, resource by resource, and takes everything back when one fails.

The stack's document is written before and after each resource, so that a server that was killed
goes on where it was. The resource that was then being made is looked for by its name.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.errors import ApiError
from local.stacks.kinds import KINDS
from local.stacks.kinds.kind import Order, is_gone
from local.stacks.stack import RETAINED, Change, Version
from local.store import Document, Store

logger = logging.getLogger(__name__)
STACK, EVENT = "Stack", "StackEvent"
THERE = ("already exist", "AlreadyOwnedByYou")
SUFFIX = 12  # characters that make a name of its own


def name_of(stack_id: str) -> str:
    """`arn:…:stack/NAME/…` -> NAME."""
    return stack_id.split("/")[1]


class Failed(Exception):
    """A resource could not be made, changed or deleted; the text is the service's own reason."""


class Execution:
    """Carries out what a stack's document says that is under way."""

    def __init__(
        self,
        store: Store,
        client: Callable[[str], Any],
        region: str,
        account: str,
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._client = client
        self._region = region
        self._account = account
        self._now = now

    def carry_out(self, stack_id: str, version: Version, status: str) -> None:
        """Make `version` of the stack; `status` is CREATE or UPDATE."""
        try:
            changes = version.changes(self._get(stack_id)["_resources"])
            for change in changes:
                if change.action != "Remove":
                    self._apply(stack_id, version, change)
            self._note_version(stack_id, version)
        except Failed as error:
            self.take_back(stack_id, status, str(error))
            return
        # What failed to go stays behind, as on AWS: the update is done.
        self._clean_up(stack_id, [change.name for change in changes if change.action == "Remove"])
        self.tell(stack_id, f"{status}_COMPLETE")

    def delete(self, stack_id: str) -> None:
        """Delete the stack's resources, the last made first, without those that are retained."""
        document = self._get(stack_id)
        try:
            for name in reversed(list(document["_resources"])):
                kept = document["_resources"][name]
                if kept["policy"] in RETAINED:
                    self._event(stack_id, name, kept["physical"], kept["type"], "DELETE_SKIPPED")
                else:
                    self._delete(stack_id, name, kept)
                self._forget(stack_id, name)
        except Failed as error:
            self.tell(stack_id, "DELETE_FAILED", str(error))
            return
        self.tell(stack_id, "DELETE_COMPLETE")

    def tell(self, stack_id: str, status: str, reason: str = "") -> None:
        """Set the stack's own status, with its event."""
        kind = "AWS::CloudFormation::Stack"
        self._event(stack_id, name_of(stack_id), stack_id, kind, status, reason)
        times = {"LastUpdatedTime": self._now()} if status.startswith("UPDATE") else {}
        self._store.set(STACK, stack_id, StackStatus=status, StackStatusReason=reason, **times)

    def _apply(self, stack_id: str, version: Version, change: Change) -> None:
        resources = self._get(stack_id)["_resources"]
        try:
            properties = version.properties(change.name, resources)
        except ApiError as error:
            raise Failed(error.message) from error
        node = version.template["Resources"][change.name]
        desired = {
            "type": node["Type"],
            "properties": properties,
            "tags": dict(version.tags),
            "policy": node.get("DeletionPolicy", "Delete"),
            "replace_policy": node.get("UpdateReplacePolicy", "Delete"),
        }
        if change.action == "Modify" and not change.replaced:
            self._modify(stack_id, change.name, resources[change.name], desired)
        else:
            self._create(stack_id, change.name, desired, resources.get(change.name))

    def _create(
        self, stack_id: str, name: str, desired: dict[str, Any], before: dict[str, Any] | None
    ) -> None:
        kind, verb = KINDS[desired["type"]], "UPDATE" if before else "CREATE"
        making = self._get(stack_id)["_making"]
        order = self._order(stack_id, name, desired, making)
        self._store.set(STACK, stack_id, _making={name: order.name})
        self._event(stack_id, name, "", desired["type"], f"{verb}_IN_PROGRESS")
        with_it = self._attempt(stack_id, name, desired["type"], f"{verb}_FAILED")
        physical = with_it(lambda: _made(kind, order, name in making))
        # Known before it is put right: a failure there must find it.
        self._keep(
            stack_id,
            name,
            {**desired, "physical": physical, "attributes": {}, "complete": False},
            before,
        )
        with_it(lambda: kind.put(order, physical))
        attributes = with_it(lambda: dict(kind.attributes(order, physical)))
        self._keep(
            stack_id, name, {**desired, "physical": physical, "attributes": attributes}, None
        )
        self._event(stack_id, name, physical, desired["type"], f"{verb}_COMPLETE")

    def _modify(
        self, stack_id: str, name: str, kept: dict[str, Any], desired: dict[str, Any]
    ) -> None:
        kind, physical = KINDS[desired["type"]], kept["physical"]
        order = self._order(stack_id, name, desired, {})
        self._event(stack_id, name, physical, desired["type"], "UPDATE_IN_PROGRESS")
        self._remember(stack_id, name, kept)
        with_it = self._attempt(stack_id, name, desired["type"], "UPDATE_FAILED")
        with_it(lambda: kind.put(order, physical))
        attributes = with_it(lambda: dict(kind.attributes(order, physical)))
        self._keep(
            stack_id, name, {**desired, "physical": physical, "attributes": attributes}, None
        )
        self._event(stack_id, name, physical, desired["type"], "UPDATE_COMPLETE")

    def _attempt(self, stack_id: str, name: str, kind: str, failed: str) -> Callable[..., Any]:
        """Calls, and turns a refusal into the resource's failure."""

        def attempt(call: Callable[[], Any]) -> Any:
            try:
                return call()
            except (ClientError, BotoCoreError, KeyError, ValueError, TypeError) as error:
                reason = (
                    f"{type(error).__name__}: {error}"
                    if isinstance(error, KeyError)
                    else str(error)
                )
                self._event(stack_id, name, "", kind, failed, reason)
                raise Failed(f"{name}: {reason}") from error

        return attempt

    def take_back(self, stack_id: str, status: str, reason: str) -> None:
        """Bring the stack back to where it was before the operation."""
        back = "ROLLBACK" if status == "CREATE" else f"{status}_ROLLBACK"
        self.tell(stack_id, f"{back}_IN_PROGRESS", reason)
        document = self._get(stack_id)
        before, now = document["_before"], document["_resources"]
        problems = []
        for name in reversed(list(now)):
            try:
                if name not in before:
                    self._undo(stack_id, name, now[name])
                elif now[name] != before[name]:
                    self._restore(stack_id, name, now[name], before[name])
            except Failed as error:
                problems.append(str(error))
        status = f"{back}_FAILED" if problems else f"{back}_COMPLETE"
        self._store.set(STACK, stack_id, _making={}, _replaced=[])
        self.tell(stack_id, status, "; ".join(problems) or reason)

    def _undo(self, stack_id: str, name: str, kept: Mapping[str, Any]) -> None:
        if kept["policy"] == "Retain":
            self._event(stack_id, name, kept["physical"], kept["type"], "DELETE_SKIPPED")
        else:
            self._delete(stack_id, name, kept)
        self._forget(stack_id, name)

    def _restore(
        self, stack_id: str, name: str, now: Mapping[str, Any], before: dict[str, Any]
    ) -> None:
        if now["physical"] != before["physical"]:
            self._delete(stack_id, name, now)
        else:
            order = self._order(stack_id, name, before, {})
            with_it = self._attempt(stack_id, name, before["type"], "UPDATE_FAILED")
            with_it(lambda: KINDS[before["type"]].put(order, before["physical"]))
        self._keep(stack_id, name, before, None)

    def _clean_up(self, stack_id: str, removed: list[str]) -> None:
        """Delete what the new version no longer has, and what was replaced."""
        document = self._get(stack_id)
        # What refers to others goes before them.
        gone = [(name, document["_resources"][name]) for name in removed]
        for name, kept in [*gone, *reversed(document["_replaced"])]:
            policy = kept["policy"] if name in removed else kept["replace_policy"]
            if policy not in RETAINED:
                try:
                    self._delete(stack_id, name, kept)
                except Failed:
                    logger.info("%s of %s was left behind", kept["physical"], stack_id)
            if name in removed:
                self._forget(stack_id, name)
        self._store.set(STACK, stack_id, _making={}, _replaced=[])

    def _delete(self, stack_id: str, name: str, kept: Mapping[str, Any]) -> None:
        physical, kind = kept["physical"], kept["type"]
        self._event(stack_id, name, physical, kind, "DELETE_IN_PROGRESS")
        order = self._order(stack_id, name, kept, {})

        def delete() -> None:
            try:
                KINDS[kind].delete(order, physical)
            except ClientError as error:
                if not is_gone(error):
                    raise

        self._attempt(stack_id, name, kind, "DELETE_FAILED")(delete)
        self._event(stack_id, name, physical, kind, "DELETE_COMPLETE")

    def _order(
        self, stack_id: str, name: str, kept: Mapping[str, Any], making: Mapping[str, str]
    ) -> Order:
        own = kept["properties"].get("Tags", [])
        tags = {**kept["tags"], **{tag["Key"]: str(tag["Value"]) for tag in own}}
        made_up = f"{name_of(stack_id)}-{name}-{uuid.uuid4().hex[:SUFFIX]}"
        return Order(
            self._client,
            self._region,
            self._account,
            making.get(name, made_up),
            kept["properties"],
            tags,
        )

    def _get(self, stack_id: str) -> Document:
        return self._store.get(STACK, stack_id)

    def _keep(
        self, stack_id: str, name: str, kept: dict[str, Any], replaced: dict[str, Any] | None
    ) -> None:
        def change(document: Document) -> None:
            document["_resources"][name] = kept
            if replaced:
                document["_replaced"].append([name, replaced])
            if kept.get("complete", True):
                document["_making"].pop(name, None)

        self._store.update(STACK, stack_id, change)

    def _remember(self, stack_id: str, name: str, kept: dict[str, Any]) -> None:
        """Mark it as touched before it is, so that taking back puts it right again."""
        self._store.update(
            STACK,
            stack_id,
            lambda document: document["_resources"].update({name: {**kept, "touched": True}}),
        )

    def _forget(self, stack_id: str, name: str) -> None:
        self._store.update(STACK, stack_id, lambda document: document["_resources"].pop(name, None))

    def _note_version(self, stack_id: str, version: Version) -> None:
        resources = self._get(stack_id)["_resources"]
        values = [{"ParameterKey": k, "ParameterValue": v} for k, v in version.values.items()]
        self._store.set(
            STACK,
            stack_id,
            _template=self._get(stack_id)["_wanted"]["text"],
            _values=dict(version.values),
            Parameters=values,
            Tags=[{"Key": k, "Value": v} for k, v in version.tags.items()],
            Outputs=version.outputs(resources),
        )

    def _event(
        self, stack_id: str, name: str, physical: str, kind: str, status: str, reason: str = ""
    ) -> None:
        identity = str(uuid.uuid4())
        event = {
            "StackId": stack_id,
            "StackName": name_of(stack_id),
            "EventId": identity,
            "LogicalResourceId": name,
            "PhysicalResourceId": physical,
            "ResourceType": kind,
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
            "Timestamp": self._now(),
        }
        self._store.create(EVENT, identity, event)


def _made(kind: Any, order: Order, again: bool) -> str:
    """The physical id of a new resource, which a killed server may have made already."""
    try:
        return str(kind.create(order))
    except ClientError as error:
        there = any(word in str(error) for word in THERE)
        if again and there and kind.same_name:
            return str(kind.same_name(order))
        raise
