"""The document of one stack as it is written while something is under way, and its events.

Written before and after each resource, so that a server that was killed goes on where it was.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from local.stacks.stack import Version
from local.store import Document, Store

STACK, EVENT = "Stack", "StackEvent"


class StackDocument:
    """What is known of the stack `stack_id`."""

    def __init__(self, store: Store, now: Callable[[], float], stack_id: str) -> None:
        self._store = store
        self._now = now
        self.id = stack_id
        self.name = stack_id.split("/")[1]  # of arn:…:stack/NAME/…

    def read(self) -> Document:
        return self._store.get(STACK, self.id)

    @property
    def resources(self) -> dict[str, Any]:
        """What the stack has, by logical id."""
        found: dict[str, Any] = self.read()["_resources"]
        return found

    def tell(self, status: str, reason: str = "") -> None:
        """Set the stack's own status, with its event."""
        self.event(self.name, self.id, "AWS::CloudFormation::Stack", status, reason)
        times = {"LastUpdatedTime": self._now()} if status.startswith("UPDATE") else {}
        self._store.set(STACK, self.id, StackStatus=status, StackStatusReason=reason, **times)

    def note_making(self, making: dict[str, str]) -> None:
        """Which resource is being made, and under which name."""
        self._store.set(STACK, self.id, _making=making)

    def keep(self, name: str, kept: dict[str, Any], replaced: dict[str, Any] | None = None) -> None:
        """A resource that was made or changed, and the one that it takes the place of."""

        def change(document: Document) -> None:
            document["_resources"][name] = kept
            if replaced:
                document["_replaced"].append([name, replaced])
            if kept.get("complete", True):
                document["_making"].pop(name, None)

        self._store.update(STACK, self.id, change)

    def remember(self, name: str, kept: dict[str, Any]) -> None:
        """Mark it as touched before it is, so that taking back puts it right again."""
        self._store.update(
            STACK,
            self.id,
            lambda document: document["_resources"].update({name: {**kept, "touched": True}}),
        )

    def forget(self, name: str) -> None:
        """A resource that is gone, or left to itself."""
        self._store.update(STACK, self.id, lambda document: document["_resources"].pop(name, None))

    def close(self) -> None:
        """Nothing is being made or replaced any more."""
        self._store.set(STACK, self.id, _making={}, _replaced=[])

    def note_version(self, version: Version) -> None:
        """The stack is now as `version` wants it."""
        document = self.read()
        values = [{"ParameterKey": k, "ParameterValue": v} for k, v in version.values.items()]
        self._store.set(
            STACK,
            self.id,
            _template=document["_wanted"]["text"],
            _values=dict(version.values),
            Parameters=values,
            Tags=[{"Key": k, "Value": v} for k, v in version.tags.items()],
            Outputs=version.outputs(document["_resources"]),
        )

    def event(self, name: str, physical: str, kind: str, status: str, reason: str = "") -> None:
        """One line of the stack's events."""
        identity = str(uuid.uuid4())
        event = {
            "StackId": self.id,
            "StackName": self.name,
            "EventId": identity,
            "LogicalResourceId": name,
            "PhysicalResourceId": physical,
            "ResourceType": kind,
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
            "Timestamp": self._now(),
        }
        self._store.create(EVENT, identity, event)
