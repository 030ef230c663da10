"""The topic of notifications: what was deployed, rolled back or failed, and which alarms rang."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from provision.change import (
    STACK_TAG,
    Change,
    Clients,
    as_tags,
    by_sid,
    compare,
    from_tags,
    only,
    or_none,
    unless_there,
)
from settings import Settings
from statemachine.names import Names
from statemachine.resource_policies import topic_policy

RESOURCE = "topic"


@dataclass(frozen=True)
class Topic:
    """The topic as it should be; further subscriptions are other people's and stay."""

    name: str
    arn: str
    policy: Mapping[str, Any]
    kms_key: str
    emails: tuple[str, ...]
    tags: dict[str, str]
    stack: str = ""  # whose topic it is; ours are then the subscriptions alone

    def properties(self) -> dict[str, Any]:
        """What is compared with the topic that exists."""
        emails = {"emails": sorted(self.emails)}
        if self.stack:
            return emails
        return {
            **emails,
            "kms_key": self.kms_key,
            "policy": by_sid(self.policy),
            "tags": self.tags,
        }


def plan_topic(clients: Clients, settings: Settings, alarms: Iterable[str]) -> Change:
    """Compare the topic with the settings; `alarms` are the names of those that publish to it."""
    names = Names(settings)
    desired = Topic(
        names.topic,
        names.topic_arn,
        topic_policy(names, alarms),
        settings.aws.kms_key,
        settings.alarms.emails,
        settings.tags,
    )
    current = _current(clients("sns"), desired)
    stack = (current or {}).get("tags", {}).get(STACK_TAG, "")
    if current and stack and current["emails"] != sorted(desired.emails):
        current, desired = {"emails": current["emails"]}, replace(desired, stack=stack)
    return compare(RESOURCE, current, desired)


def apply_topic(clients: Clients, change: Change) -> str:
    """Create or correct the topic and subscribe who is missing; returns its ARN."""
    topic: Topic = change.desired
    sns = clients("sns")
    if change.kind == "create":
        tags = as_tags(topic.tags)
        unless_there(lambda: sns.create_topic(Name=topic.name, Tags=tags))
    if not topic.stack:
        _set(sns, topic)
    for email in sorted({*topic.emails} - _subscribed(sns, topic.arn)):
        sns.subscribe(TopicArn=topic.arn, Protocol="email", Endpoint=email)
    return topic.arn


def _set(sns: Any, topic: Topic) -> None:
    values = {"KmsMasterKeyId": topic.kms_key, "Policy": json.dumps(topic.policy)}
    for name, value in values.items():
        sns.set_topic_attributes(TopicArn=topic.arn, AttributeName=name, AttributeValue=value)
    sns.tag_resource(ResourceArn=topic.arn, Tags=as_tags(topic.tags))


def _current(sns: Any, topic: Topic) -> dict[str, Any] | None:
    found = or_none(
        lambda: sns.get_topic_attributes(TopicArn=topic.arn)["Attributes"],
        "NotFound",
        "NotFoundException",
    )
    if found is None:
        return None
    listed = sns.list_tags_for_resource(ResourceArn=topic.arn)
    return {
        "emails": sorted(_subscribed(sns, topic.arn) & {*topic.emails}),
        "kms_key": found.get("KmsMasterKeyId", ""),
        "policy": by_sid(json.loads(found["Policy"])),
        "tags": only(from_tags(listed["Tags"]), topic.tags),
    }


def _subscribed(sns: Any, arn: str) -> set[str]:
    """The addresses that get the notifications, or have been asked whether they want them."""
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn)
    listed = (item for page in pages for item in page["Subscriptions"])
    return {item["Endpoint"] for item in listed if item["Protocol"] == "email"}
