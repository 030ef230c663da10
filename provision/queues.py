"""The dead-letter queue: events that EventBridge could not deliver."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from provision.change import Change, Clients, by_sid, compare, only, or_none, unless_there
from settings import Settings
from statemachine.names import Names
from statemachine.resource_policies import queue_policy

RESOURCE = "queue"
RETENTION = 14 * 86_400  # seconds; the most that SQS keeps
ABSENT = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


@dataclass(frozen=True)
class Queue:
    """The queue as it should be."""

    name: str
    policy: Mapping[str, Any]
    tags: dict[str, str]

    def properties(self) -> dict[str, Any]:
        """What is compared with the queue that exists."""
        return {
            "encrypted": True,
            "policy": by_sid(self.policy),
            "retention_seconds": RETENTION,
            "tags": self.tags,
        }


def plan_queue(clients: Clients, settings: Settings, rules: Iterable[str]) -> Change:
    """Compare the queue with the settings; `rules` are the names of those that send to it."""
    names = Names(settings)
    desired = Queue(names.queue, queue_policy(names, rules), settings.tags)
    return compare(RESOURCE, _current(clients("sqs"), desired), desired)


def apply_queue(clients: Clients, change: Change) -> str:
    """Create or correct the queue; returns its URL."""
    queue: Queue = change.desired
    sqs = clients("sqs")
    if change.kind == "create":
        unless_there(lambda: sqs.create_queue(QueueName=queue.name, tags=queue.tags))
    url = str(sqs.get_queue_url(QueueName=queue.name)["QueueUrl"])
    attributes = {
        "MessageRetentionPeriod": str(RETENTION),
        "Policy": json.dumps(queue.policy),
        # SQS's own key: EventBridge could send nothing while another key's policy forbids it,
        # and nobody would hear of that from the queue of last resort.
        "SqsManagedSseEnabled": "true",
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    sqs.tag_queue(QueueUrl=url, Tags=queue.tags)
    return url


def _current(sqs: Any, queue: Queue) -> dict[str, Any] | None:
    url = or_none(lambda: sqs.get_queue_url(QueueName=queue.name)["QueueUrl"], *ABSENT)
    if url is None:
        return None
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    found = answer.get("Attributes", {})
    return {
        "encrypted": found.get("SqsManagedSseEnabled") == "true",
        "policy": by_sid(json.loads(found.get("Policy") or "{}")),
        "retention_seconds": int(found["MessageRetentionPeriod"]),
        "tags": only(sqs.list_queue_tags(QueueUrl=url).get("Tags", {}), queue.tags),
    }
