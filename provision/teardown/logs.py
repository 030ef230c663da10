"""The log groups of what served and deployed; after it, or it would write and make them anew."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from provision.change import Change, Clients
from provision.functions import RESOURCE as FUNCTION
from provision.logs import ALL_MACHINES, function_logs, machine_logs
from provision.logs import RESOURCE as LOG_GROUP
from provision.machines import RESOURCE as MACHINE
from provision.teardown.ownership import Others, claim, kept, unless_gone
from provision.teardown.serving import ENDPOINT
from settings import Settings
from statemachine.names import Names


def find_logs(clients: Clients, settings: Settings, others: Others) -> Iterator[Change]:
    """Ours have our tags, or none where the service made the group; those of `others` stay."""
    logs, names = clients("logs"), Names(settings)
    for writer, group in _groups(names):
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=group)
        if group not in {item["logGroupName"] for page in pages for item in page["logGroups"]}:
            continue
        arn = names.arn("logs", f"log-group:{group}")
        found = unless_gone(partial(logs.list_tags_for_resource, resourceArn=arn))
        if writer in others:
            yield kept(LOG_GROUP, group, f"not ours: the {writer[0]} {writer[1]} is not")
        elif found is not None:
            reason = f"of the {writer[0]}"
            yield claim(settings, LOG_GROUP, group, found["tags"], reason, untagged=True)


def delete_logs(clients: Clients, change: Change) -> None:
    clients("logs").delete_log_group(logGroupName=change.name)


def _groups(names: Names) -> Iterator[tuple[tuple[str, str], str]]:
    """Who writes, as (resource, name), and to which group."""
    yield (ENDPOINT, names.endpoint), f"/aws/sagemaker/Endpoints/{names.endpoint}"
    for function in (names.predict, names.smoke_test):
        yield (FUNCTION, function), function_logs(function)
    for machine in map(names.state_machine, ALL_MACHINES):
        yield (MACHINE, machine), machine_logs(machine)
