"""The Lambda functions with their versions and aliases, and first what is kept warm and billed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from provision.change import Change, Clients
from provision.functions import RESOURCE as FUNCTION
from provision.teardown.ownership import DEPLOYED, claim, unless_gone
from settings import Settings
from statemachine.names import Names

PROVISIONED = "provisioned"


def find_functions(clients: Clients, settings: Settings) -> Iterator[Change]:
    """Each function after its provisioned concurrency."""
    aws, names = clients("lambda"), Names(settings)
    for name in (names.predict, names.smoke_test):
        found = unless_gone(partial(aws.get_function, FunctionName=name))
        if found is None:
            continue
        change = claim(settings, FUNCTION, name, found.get("Tags", {}))
        if change.kind == "delete":
            yield from _find_provisioned(clients, name)
        yield change


def delete_provisioned(clients: Clients, change: Change) -> None:
    function, qualifier = change.desired
    clients("lambda").delete_provisioned_concurrency_config(
        FunctionName=function, Qualifier=qualifier
    )


def delete_function(clients: Clients, change: Change) -> None:
    """Without a qualifier: all versions and aliases go with it."""
    clients("lambda").delete_function(FunctionName=change.name)


def _find_provisioned(clients: Clients, function: str) -> Iterator[Change]:
    pages = (
        clients("lambda")
        .get_paginator("list_provisioned_concurrency_configs")
        .paginate(FunctionName=function)
    )
    listed = unless_gone(
        lambda: [item for page in pages for item in page["ProvisionedConcurrencyConfigs"]]
    )
    for item in listed or []:
        qualifier = item["FunctionArn"].rpartition(":")[2]
        count = item["RequestedProvisionedConcurrentExecutions"]
        reason = f"{DEPLOYED}; {count} environments, billed while they stand"
        yield Change(
            "delete", PROVISIONED, f"{function}:{qualifier}", reason, (function, qualifier)
        )
