"""Makes a version of a stack so, resource by resource, and takes everything back when one fails.

A server that was killed goes on where it was. The resource that was then being made is looked for
by its name.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.errors import ApiError
from local.stacks.document import StackDocument
from local.stacks.kinds import KINDS
from local.stacks.kinds.kind import Order, is_gone
from local.stacks.stack import RETAINED, Change, Version
from local.store import Store

logger = logging.getLogger(__name__)
THERE = ("already exist", "AlreadyOwnedByYou")
SUFFIX = 12  # characters that make a name of its own


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
        stack = self._open(stack_id)
        try:
            changes = version.changes(stack.resources)
            for change in changes:
                if change.action != "Remove":
                    self._apply(stack, version, change)
            stack.note_version(version)
        except Failed as error:
            self.take_back(stack_id, status, str(error))
            return
        # What failed to go stays behind, as on AWS: the update is done.
        self._clean_up(stack, [change.name for change in changes if change.action == "Remove"])
        stack.tell(f"{status}_COMPLETE")

    def delete(self, stack_id: str) -> None:
        """Delete the stack's resources, the last made first, without those that are retained."""
        stack = self._open(stack_id)
        try:
            for name, kept in reversed(list(stack.resources.items())):
                if kept["policy"] in RETAINED:
                    stack.event(name, kept["physical"], kept["type"], "DELETE_SKIPPED")
                else:
                    self._delete(stack, name, kept)
                stack.forget(name)
        except Failed as error:
            stack.tell("DELETE_FAILED", str(error))
            return
        stack.tell("DELETE_COMPLETE")

    def tell(self, stack_id: str, status: str, reason: str = "") -> None:
        """Set the stack's own status, with its event."""
        self._open(stack_id).tell(status, reason)

    def _open(self, stack_id: str) -> StackDocument:
        return StackDocument(self._store, self._now, stack_id)

    def _apply(self, stack: StackDocument, version: Version, change: Change) -> None:
        resources = stack.resources
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
            self._modify(stack, change.name, resources[change.name], desired)
        else:
            self._create(stack, change.name, desired, resources.get(change.name))

    def _create(
        self,
        stack: StackDocument,
        name: str,
        desired: dict[str, Any],
        before: dict[str, Any] | None,
    ) -> None:
        kind, verb = KINDS[desired["type"]], "UPDATE" if before else "CREATE"
        making = stack.read()["_making"]
        order = self._order(stack, name, desired, making)
        stack.note_making({name: order.name})
        stack.event(name, "", desired["type"], f"{verb}_IN_PROGRESS")
        with_it = self._attempt(stack, name, desired["type"], f"{verb}_FAILED")
        physical = with_it(lambda: _made(kind, order, name in making))
        # Known before it is put right: a failure there must find it.
        stack.keep(
            name,
            {**desired, "physical": physical, "attributes": {}, "complete": False},
            before,
        )
        with_it(lambda: kind.put(order, physical))
        attributes = with_it(lambda: dict(kind.attributes(order, physical)))
        stack.keep(name, {**desired, "physical": physical, "attributes": attributes})
        stack.event(name, physical, desired["type"], f"{verb}_COMPLETE")

    def _modify(
        self, stack: StackDocument, name: str, kept: dict[str, Any], desired: dict[str, Any]
    ) -> None:
        kind, physical = KINDS[desired["type"]], kept["physical"]
        order = self._order(stack, name, desired, {})
        stack.event(name, physical, desired["type"], "UPDATE_IN_PROGRESS")
        stack.remember(name, kept)
        with_it = self._attempt(stack, name, desired["type"], "UPDATE_FAILED")
        with_it(lambda: kind.put(order, physical))
        attributes = with_it(lambda: dict(kind.attributes(order, physical)))
        stack.keep(name, {**desired, "physical": physical, "attributes": attributes})
        stack.event(name, physical, desired["type"], "UPDATE_COMPLETE")

    def _attempt(
        self, stack: StackDocument, name: str, kind: str, failed: str
    ) -> Callable[..., Any]:
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
                stack.event(name, "", kind, failed, reason)
                raise Failed(f"{name}: {reason}") from error

        return attempt

    def take_back(self, stack_id: str, status: str, reason: str) -> None:
        """Bring the stack back to where it was before the operation."""
        back = "ROLLBACK" if status == "CREATE" else f"{status}_ROLLBACK"
        stack = self._open(stack_id)
        stack.tell(f"{back}_IN_PROGRESS", reason)
        document = stack.read()
        before, now = document["_before"], document["_resources"]
        problems = []
        for name in reversed(list(now)):
            try:
                if name not in before:
                    self._undo(stack, name, now[name])
                elif now[name] != before[name]:
                    self._restore(stack, name, now[name], before[name])
            except Failed as error:
                problems.append(str(error))
        status = f"{back}_FAILED" if problems else f"{back}_COMPLETE"
        stack.close()
        stack.tell(status, "; ".join(problems) or reason)

    def _undo(self, stack: StackDocument, name: str, kept: Mapping[str, Any]) -> None:
        if kept["policy"] == "Retain":
            stack.event(name, kept["physical"], kept["type"], "DELETE_SKIPPED")
        else:
            self._delete(stack, name, kept)
        stack.forget(name)

    def _restore(
        self, stack: StackDocument, name: str, now: Mapping[str, Any], before: dict[str, Any]
    ) -> None:
        if now["physical"] != before["physical"]:
            self._delete(stack, name, now)
        else:
            order = self._order(stack, name, before, {})
            with_it = self._attempt(stack, name, before["type"], "UPDATE_FAILED")
            with_it(lambda: KINDS[before["type"]].put(order, before["physical"]))
        stack.keep(name, before)

    def _clean_up(self, stack: StackDocument, removed: list[str]) -> None:
        """Delete what the new version no longer has, and what was replaced."""
        document = stack.read()
        # What refers to others goes before them.
        gone = [(name, document["_resources"][name]) for name in removed]
        for name, kept in [*gone, *reversed(document["_replaced"])]:
            policy = kept["policy"] if name in removed else kept["replace_policy"]
            if policy not in RETAINED:
                try:
                    self._delete(stack, name, kept)
                except Failed:
                    logger.info("%s of %s was left behind", kept["physical"], stack.id)
            if name in removed:
                stack.forget(name)
        stack.close()

    def _delete(self, stack: StackDocument, name: str, kept: Mapping[str, Any]) -> None:
        physical, kind = kept["physical"], kept["type"]
        stack.event(name, physical, kind, "DELETE_IN_PROGRESS")
        order = self._order(stack, name, kept, {})

        def delete() -> None:
            try:
                KINDS[kind].delete(order, physical)
            except ClientError as error:
                if not is_gone(error):
                    raise

        self._attempt(stack, name, kind, "DELETE_FAILED")(delete)
        stack.event(name, physical, kind, "DELETE_COMPLETE")

    def _order(
        self, stack: StackDocument, name: str, kept: Mapping[str, Any], making: Mapping[str, str]
    ) -> Order:
        own = kept["properties"].get("Tags", [])
        tags = {**kept["tags"], **{tag["Key"]: str(tag["Value"]) for tag in own}}
        made_up = f"{stack.name}-{name}-{uuid.uuid4().hex[:SUFFIX]}"
        return Order(
            self._client,
            self._region,
            self._account,
            making.get(name, made_up),
            kept["properties"],
            tags,
        )


def _made(kind: Any, order: Order, again: bool) -> str:
    """The physical id of a new resource, which a killed server may have made already."""
    try:
        return str(kind.create(order))
    except ClientError as error:
        there = any(word in str(error) for word in THERE)
        if again and there and kind.same_name:
            return str(kind.same_name(order))
        raise
