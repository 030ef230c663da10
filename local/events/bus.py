"""The event buses: every event of the embedded AWS comes here, and goes to the rules it matches."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from moto.events.models import events_backends

from local.events.checks import Refusal, check_entries, entry_error
from local.events.deliveries import Deliveries, dead_letters
from local.events.delivery import Delivery, no_resource
from local.events.envelope import Event, envelope, iso_time
from local.events.pattern import compile_pattern
from local.events.services import Services
from local.events.targets import Arn, call_target, parse_arn, someone
from local.iam.caller import account_itself
from local.iam.calls import Calls
from local.iam.credentials import Credentials
from local.metrics import Metrics
from local.neighbours.events import put_request, tell
from local.neighbours.places import Neighbours
from local.store import Store

logger = logging.getLogger(__name__)
MOST_HOPS = 5  # buses that an event passes before it is taken for one that goes in circles


class Events:
    """The buses of one account in every region. Sending never fails and never waits."""

    def __init__(
        self,
        account: str,
        region: str,
        store: Store,
        metrics: Metrics,
        credentials: Credentials,
        calls: Calls,
        neighbours: Neighbours,
    ) -> None:
        self._account = account
        self._region = region
        self._metrics = metrics
        self._calls = calls
        self._neighbours = neighbours
        self._services = Services(credentials)
        self._deliveries = Deliveries(self._send, dead_letters(self._services), store, metrics)

    def emit(
        self,
        detail_type: str,
        detail: dict[str, Any],
        resources: Sequence[str],
        source: str = "aws.sagemaker",
    ) -> None:
        """Send an event of an AWS service to the default bus of this server's region."""
        self.emit_in(self._region, detail_type, detail, resources, source)

    def emit_in(
        self,
        region: str,
        detail_type: str,
        detail: dict[str, Any],
        resources: Sequence[str],
        source: str,
    ) -> None:
        """The same in any region."""
        try:
            event = envelope(
                source=source,
                detail_type=detail_type,
                detail=json.loads(json.dumps(detail)),  # the sender may go on changing its own
                resources=resources,
                account=self._account,
                region=region,
                time=time.time(),
            )
            self.publish(event, region)
        except Exception:  # the sender's own work is done: it must not fail for its event
            logger.exception("the event '%s' could not be sent", detail_type)

    def put(self, entries: list[dict[str, Any]], region: str) -> list[dict[str, Any]]:
        """PutEvents: the result of each entry; raises Refusal when the whole request is bad."""
        check_entries(entries)
        return [entry_error(entry) or self._put(entry, region) for entry in entries]

    def _put(self, entry: Mapping[str, Any], region: str) -> dict[str, Any]:
        named = entry.get("EventBusName") or "default"
        bus = named.rpartition("/")[2]
        if not self._is_ours(named) or not self.has_bus(bus, region):
            raise Refusal("ResourceNotFoundException", f"Event bus {named} does not exist.")
        event = envelope(
            source=entry["Source"],
            detail_type=entry["DetailType"],
            detail=json.loads(entry["Detail"]),
            resources=entry.get("Resources") or [],
            account=self._account,
            region=region,
            time=float(entry.get("Time") or time.time()),
        )
        self.publish(event, region, bus)
        return {"EventId": event["id"]}

    def _is_ours(self, bus: str) -> bool:
        """By name, or by an ARN of this account: to another's bus events go by rules alone."""
        return not bus.startswith("arn:") or bus.split(":")[4] == self._account

    def has_bus(self, name: str, region: str) -> bool:
        """Whether this account has such a bus."""
        return name in events_backends[self._account][region].event_buses

    def publish(self, event: Event, region: str, bus: str = "default", hops: int = 0) -> None:
        """Send an event to every enabled rule of a bus that it matches."""
        found = events_backends[self._account][region].event_buses.get(bus)
        # A copy first: requests of other threads put and delete rules meanwhile.
        for rule in list(found.rules.values()) if found else []:
            self.publish_to(rule, event, region, hops)

    def publish_to(self, rule: Any, event: Event, region: str, hops: int = 0) -> None:
        """Send an event to moto's rule, if that is enabled and matches."""
        if rule.state != "DISABLED" and _matches(rule, event):
            self._count(rule, "MatchedEvents")
            self.trigger(rule, event, region, hops)

    def trigger(self, rule: Any, event: Event, region: str, hops: int = 0) -> None:
        """Send an event to the targets of moto's rule, whether it matches or not."""
        now = time.time()
        self._count(rule, "TriggeredRules")
        for target in list(rule.targets):
            if _is_archive(target):
                self._archive(rule, event, region)
            else:
                self.deliver(
                    Delivery(
                        event=event,
                        region=region,
                        source_arn=rule.arn,
                        bus=rule.event_bus_name,
                        target=dict(target),
                        accepted=now,
                        ingested=iso_time(now),
                        hops=hops,
                    )
                )

    def deliver(self, delivery: Delivery) -> None:
        """Put one delivery on its way."""
        self._deliveries.submit(delivery)

    def recover(self) -> None:
        """Go on with the deliveries that the last server had not ended."""
        self._deliveries.recover()

    def close(self) -> None:
        """Let the threads of deliveries end."""
        self._deliveries.close()

    def client(self, service: str, region: str) -> Any:
        """A boto3 client of this server."""
        return self._services.client(service, region)

    def _send(self, delivery: Delivery) -> None:
        arn = parse_arn(delivery.target["Arn"])
        if arn.service != "events":
            call_target(self._services, delivery)
        elif delivery.hops >= MOST_HOPS:
            logger.warning("the event %s goes in circles between buses", delivery.event["id"])
        else:
            self._forward(delivery, arn)

    def _forward(self, delivery: Delivery, arn: Arn) -> None:
        event, hops = delivery.event, delivery.hops + 1
        role = someone(delivery)
        self._calls.note(role, "events", "PutEvents", put_request(event, arn.text), arn.region)
        if arn.account != self._account:
            who = role or account_itself(self._account)
            tell(self._neighbours, who, event, arn.text, hops)
        elif self.has_bus(arn.name, arn.region):
            self.publish(event, arn.region, arn.name, hops)
        else:
            raise no_resource(f"Event bus {arn.name} does not exist.")

    def _count(self, rule: Any, metric: str) -> None:
        dimensions = {"RuleName": rule.name}
        self._metrics.put("AWS/Events", metric, 1.0, dimensions, time.time(), "Count")

    def _archive(self, rule: Any, event: Event, region: str) -> None:
        for archive in list(events_backends[self._account][region].archives.values()):
            if archive.rule is rule:
                archive.events.append(event)


def _matches(rule: Any, event: Event) -> bool:
    """A rule that has only a schedule matches nothing."""
    text = rule.event_pattern.dump()
    return bool(text) and compile_pattern(text).matches(event)


def _is_archive(target: Mapping[str, Any]) -> bool:
    arn = parse_arn(target["Arn"])
    return arn.service == "events" and not arn.resource.strip(":")
