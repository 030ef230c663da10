"""What starts and tells: rules, alarms, the topic and the queue.

Of rules and alarms there may be some that the settings no longer describe, so that all are looked
at whose names begin as ours do; another endpoint's are told by their tags.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from provision.alarms import RESOURCE as ALARM
from provision.change import Change, Clients, from_tags
from provision.queues import RESOURCE as QUEUE
from provision.rules import RESOURCE as RULE
from provision.teardown.ownership import claim, unless_gone
from provision.topics import RESOURCE as TOPIC
from provision.waiting import until_gone
from settings import Settings
from statemachine.names import Names


def find_rules(clients: Clients, settings: Settings) -> Iterator[Change]:
    """Our rules, without those that AWS manages."""
    events, prefix = clients("events"), Names(settings).rule("")
    pages = events.get_paginator("list_rules").paginate(NamePrefix=prefix)
    listed = [rule for page in pages for rule in page["Rules"] if "ManagedBy" not in rule]
    tags_of = partial(_tags, events)
    yield from _claim_all(settings, RULE, {rule["Name"]: rule["Arn"] for rule in listed}, tags_of)


def find_alarms(clients: Clients, settings: Settings) -> Iterator[Change]:
    """Our metric alarms; those of scaling have other names and go with it."""
    cloudwatch, prefix = clients("cloudwatch"), Names(settings).alarm("")
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm"]
    )
    listed = [alarm for page in pages for alarm in page["MetricAlarms"]]
    arns = {alarm["AlarmName"]: alarm["AlarmArn"] for alarm in listed}
    yield from _claim_all(settings, ALARM, arns, partial(_tags, cloudwatch))


def find_topic(clients: Clients, settings: Settings) -> Iterable[Change]:
    """The topic with all its subscriptions."""
    sns, names = clients("sns"), Names(settings)
    listed = unless_gone(lambda: sns.list_tags_for_resource(ResourceArn=names.topic_arn))
    there = unless_gone(lambda: sns.get_topic_attributes(TopicArn=names.topic_arn))
    if listed and there:
        tags = from_tags(listed["Tags"])
        yield claim(settings, TOPIC, names.topic, tags, desired=names.topic_arn)


def find_queue(clients: Clients, settings: Settings) -> Iterator[Change]:
    """The queue, with the events in it that nobody has looked at."""
    sqs, name = clients("sqs"), Names(settings).queue
    url = unless_gone(lambda: sqs.get_queue_url(QueueName=name)["QueueUrl"])
    listed = url and unless_gone(lambda: sqs.list_queue_tags(QueueUrl=url))
    if listed:
        yield claim(settings, QUEUE, name, listed.get("Tags", {}), desired=url)


def delete_topic(clients: Clients, change: Change) -> None:
    clients("sns").delete_topic(TopicArn=change.desired)


def delete_queue(clients: Clients, change: Change) -> None:
    """Return when it is gone: SQS takes up to a minute."""
    sqs = clients("sqs")
    sqs.delete_queue(QueueUrl=change.desired)

    def is_gone() -> bool:
        return unless_gone(lambda: sqs.get_queue_url(QueueName=change.name)) is None

    until_gone(clients, is_gone, f"The queue {change.name}")


def _claim_all(
    settings: Settings,
    resource: str,
    arns: Mapping[str, str],
    tags_of: Callable[[str], dict[str, str]],
) -> Iterator[Change]:
    for name, arn in sorted(arns.items()):
        tags = unless_gone(partial(tags_of, arn))
        if tags is not None:
            yield claim(settings, resource, name, tags, marked=True)


def _tags(client: Any, arn: str) -> dict[str, str]:
    return from_tags(client.list_tags_for_resource(ResourceARN=arn)["Tags"])
