"""The log groups of the functions and state machines, made before them so that they expire.

A service that finds no group makes one that keeps everything for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from provision.change import Change, Clients, compare, only, unless_there
from settings import Settings
from statemachine.names import Names
from statemachine.promotion import MACHINE as PROMOTE
from statemachine.promotion import takes

RESOURCE = "log-group"
RETENTION = 90  # days
MACHINES = ("rollback", "deploy", "retrain")
ALL_MACHINES = (*MACHINES, PROMOTE)


@dataclass(frozen=True)
class LogGroup:
    """The log group as it should be."""

    name: str
    arn: str
    tags: dict[str, str]

    def properties(self) -> dict[str, Any]:
        """What is compared with the group that exists."""
        return {"retention_days": RETENTION, "tags": self.tags}


def function_logs(name: str) -> str:
    """The group that Lambda writes to."""
    return f"/aws/lambda/{name}"


def machine_logs(name: str) -> str:
    """The group of a state machine; the prefix spares it a limited resource policy."""
    return f"/aws/vendedlogs/states/{name}"


def machines_of(settings: Settings) -> tuple[str, ...]:
    """The environment's state machines; one that another may start comes before it."""
    return ALL_MACHINES if takes(settings) else MACHINES


def plan_logs(clients: Clients, settings: Settings) -> Iterator[Change]:
    """Compare the log groups with the settings."""
    names, logs = Names(settings), clients("logs")
    groups = [
        *(function_logs(name) for name in (names.predict, names.smoke_test)),
        *(machine_logs(names.state_machine(kind)) for kind in machines_of(settings)),
    ]
    for name in groups:
        desired = LogGroup(name, names.arn("logs", f"log-group:{name}"), settings.tags)
        yield compare(RESOURCE, _current(logs, desired), desired)


def apply_logs(clients: Clients, change: Change) -> str:
    """Create or correct the log group; returns its ARN."""
    group: LogGroup = change.desired
    logs = clients("logs")
    if change.kind == "create":
        unless_there(lambda: logs.create_log_group(logGroupName=group.name, tags=group.tags))
    logs.put_retention_policy(logGroupName=group.name, retentionInDays=RETENTION)
    logs.tag_resource(resourceArn=group.arn, tags=group.tags)
    return group.arn


def _current(logs: Any, group: LogGroup) -> dict[str, Any] | None:
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=group.name)
    listed = (item for page in pages for item in page["logGroups"])
    found = next((item for item in listed if item["logGroupName"] == group.name), None)
    if found is None:
        return None
    tags = logs.list_tags_for_resource(resourceArn=group.arn)["tags"]
    return {"retention_days": found.get("retentionInDays"), "tags": only(tags, group.tags)}
