"""The CloudWatch alarms: guards of a rollout, and the one that tells of drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provision.change import Change, Clients, as_tags, compare, from_tags, only, or_none
from provision.stale import marks, plan_stale
from settings import Settings
from statemachine.names import Names

RESOURCE = "alarm"
NAMED = {"Dimensions": "Name", "Metrics": "Id"}  # lists whose items have names


@dataclass(frozen=True)
class Alarm:
    """The alarm as it should be; `request` is PutMetricAlarm's, without tags."""

    arn: str
    request: Mapping[str, Any]
    tags: dict[str, str]

    @property
    def name(self) -> str:
        return str(self.request["AlarmName"])

    def properties(self) -> dict[str, Any]:
        """What is compared with the alarm that exists."""
        return {**_by_name(self.request), "tags": self.tags}


def plan_alarms(
    clients: Clients, settings: Settings, requests: Sequence[Mapping[str, Any]]
) -> Iterator[Change]:
    """Compare the alarms with their PutMetricAlarm requests; ours beyond them are deleted."""
    cloudwatch, names = clients("cloudwatch"), Names(settings)
    found = _listed(cloudwatch, names.alarm(""))
    for request in requests:
        arn = names.arn("cloudwatch", f"alarm:{request['AlarmName']}")
        desired = Alarm(arn, request, marks(settings))
        there = found.get(desired.name)
        yield compare(RESOURCE, there and _current(cloudwatch, there, desired), desired)
    described = {request["AlarmName"] for request in requests}
    yield from plan_stale(
        RESOURCE,
        found,
        described,
        lambda name: _tags(cloudwatch, found[name]["AlarmArn"]),
        settings,
    )


def apply_alarm(clients: Clients, change: Change) -> str:
    """Put the alarm, or delete it; returns its ARN or name."""
    cloudwatch = clients("cloudwatch")
    if change.kind == "delete":
        # Somebody else may have deleted it meanwhile.
        or_none(lambda: cloudwatch.delete_alarms(AlarmNames=[change.name]), "ResourceNotFound")
        return change.name
    alarm: Alarm = change.desired
    cloudwatch.put_metric_alarm(**alarm.request, Tags=as_tags(alarm.tags))
    # Of an alarm that is there, the call above ignores the tags.
    cloudwatch.tag_resource(ResourceARN=alarm.arn, Tags=as_tags(alarm.tags))
    return alarm.arn


def _listed(cloudwatch: Any, prefix: str) -> dict[str, Any]:
    """The metric alarms whose names begin with `prefix`, by name."""
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm"]
    )
    return {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}


def _current(cloudwatch: Any, found: Mapping[str, Any], desired: Alarm) -> dict[str, Any]:
    """What is set of the alarm that we set too; the rest has CloudWatch's defaults."""
    shown = {key: found.get(key) for key in desired.request}
    return {**_by_name(shown), "tags": only(_tags(cloudwatch, desired.arn), desired.tags)}


def _tags(cloudwatch: Any, arn: str) -> dict[str, str]:
    return from_tags(cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"])


def _by_name(value: Any) -> Any:
    """The request with lists of named things by their names: their order says nothing."""
    if not isinstance(value, Mapping):
        return value
    return {
        key: {item[NAMED[key]]: _by_name(item) for item in inner or []}
        if key in NAMED
        else _by_name(inner)
        for key, inner in value.items()
    }
