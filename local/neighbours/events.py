"""An event on its way from a rule to the event bus of another account.

PutEvents cannot carry it: the event keeps its id, and its account is that of the sender.
"""

from __future__ import annotations

import json
from typing import Any

from local.errors import ApiError
from local.iam.caller import Caller
from local.neighbours.messages import Message, as_error
from local.neighbours.places import Neighbours

ROUTE = "/_breedline/event"
Event = dict[str, Any]


def put_request(event: Event, bus_arn: str) -> dict[str, Any]:
    """The PutEvents that forwarding an event counts as."""
    named = {"Source": event["source"], "DetailType": event["detail-type"]}
    return {"Entries": [{"EventBusName": bus_arn, **named}]}


def tell(neighbours: Neighbours, who: Caller, event: Event, bus_arn: str, hops: int) -> None:
    """Hand an event over to the bus of another account; raises ApiError."""
    _, _, _, region, account, resource = bus_arn.split(":", 5)
    neighbour = neighbours.find(account)
    if neighbour is None:
        raise no_bus(bus_arn)
    told = {"event": event, "bus": resource.rpartition("/")[2], "hops": hops}
    message = Message("events", region, "POST", ROUTE, body=json.dumps(told).encode())
    answer = neighbours.ask(neighbour, who, message)
    if answer.status != 200:
        raise as_error(answer)


def no_bus(named: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Event bus {named} does not exist.")
