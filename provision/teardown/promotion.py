"""What we granted to a partner in another account, in policies that may outlive the environment."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from provision.change import Change, Clients, or_none
from provision.promotion import apply_promotion, find_granted, grants, revoke
from provision.teardown.ownership import UPSERT
from settings import Settings


def find_promotion(clients: Clients, settings: Settings) -> Iterator[Change]:
    """Our statements, whether the settings still name the partner or not."""
    for granted in grants(settings):
        # A bucket of that name may be another account's, which does not show its policy.
        found = or_none(partial(find_granted, clients, granted), "AccessDenied", "403")
        if found:
            yield revoke(granted, found, UPSERT)


def delete_promotion(clients: Clients, change: Change) -> None:
    apply_promotion(clients, change)
