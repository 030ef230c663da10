"""Our statement in the policy of the account's event bus, which outlives every environment.

What other accounts may do with bucket and group goes, or stays, with them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from provision.change import Change, Clients
from provision.promotion import BUS, RESOURCE
from provision.teardown.ownership import UPSERT, unless_gone
from settings import Settings
from statemachine.promotion import bus_statement, comes_from_afar


def find_promotion(clients: Clients, settings: Settings) -> Iterator[Change]:
    """The statement that lets the settings' partner send us events."""
    if not comes_from_afar(settings):
        return
    sid = bus_statement(settings)["Sid"]
    text = clients("events").describe_event_bus(Name=BUS).get("Policy")
    statements = json.loads(text)["Statement"] if text else []
    if any(statement.get("Sid") == sid for statement in statements):
        yield Change("delete", RESOURCE, sid, UPSERT, None)


def delete_promotion(clients: Clients, change: Change) -> None:
    events = clients("events")
    unless_gone(lambda: events.remove_permission(EventBusName=BUS, StatementId=change.name))
