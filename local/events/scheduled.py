"""The schedules that moto holds, as what `Schedules` fires: rules, and EventBridge Scheduler's."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from moto.events.models import events_backends
from moto.scheduler.models import scheduler_backends

from local.events.bus import Events
from local.events.completed import Completed
from local.events.delivery import Delivery
from local.events.envelope import Event, envelope, iso_time
from local.events.schedules import Scheduled

SCHEDULED = "Scheduled Event"


def listed(events: Events, account: str) -> Callable[[], Iterator[Scheduled]]:
    """Gives the schedules that are enabled now, in every region."""
    completed = Completed(events.client)

    def every() -> Iterator[Scheduled]:
        for region, backend in list(events_backends[account].items()):
            for rule in list(backend.event_buses["default"].rules.values()):
                if rule.scheduled_expression and rule.state != "DISABLED":
                    yield _of_rule(events, rule, account, region)
        for region, backend in list(scheduler_backends[account].items()):
            for group in list(backend.schedule_groups.values()):
                for schedule in list(group.schedules.values()):
                    if schedule.state != "DISABLED":
                        yield _of_scheduler(events, completed, group.name, schedule, region)

    return every


def _of_rule(events: Events, rule: Any, account: str, region: str) -> Scheduled:
    def fire(due: float) -> None:
        events.trigger(rule, _event("aws.events", rule.arn, account, region, due, {}), region)

    return Scheduled(rule.arn, rule.scheduled_expression, fire)


def _of_scheduler(
    events: Events, completed: Completed, group: str, schedule: Any, region: str
) -> Scheduled:
    def fire(due: float) -> None:
        account = schedule.arn.split(":")[4]
        event = _event("aws.scheduler", schedule.arn, account, region, due, "{}")
        events.deliver(_delivery(schedule, event, region))
        if schedule.action_after_completion == "DELETE" and _is_once(schedule):
            completed.delete(region, group, schedule)

    return Scheduled(
        arn=schedule.arn,
        expression=schedule.schedule_expression,
        fire=fire,
        zone=schedule.schedule_expression_timezone,
        start=_seconds(schedule.start_date),
        end=_seconds(schedule.end_date),
    )


def _is_once(schedule: Any) -> bool:
    return str(schedule.schedule_expression).startswith("at(")


def _seconds(moment: Any) -> float | None:
    return None if moment is None else float(moment)


def _event(source: str, arn: str, account: str, region: str, due: float, detail: Any) -> Event:
    return envelope(
        source=source,
        detail_type=SCHEDULED,
        detail=detail,
        resources=[arn],
        account=account,
        region=region,
        time=due,
    )


def _delivery(schedule: Any, event: Event, region: str) -> Delivery:
    now = time.time()
    target = dict(schedule.target)
    parameters = target.get("EventBridgeParameters")
    if "Input" in target:
        target["Input"] = _filled(target["Input"], event)
    if parameters:
        event = event | {
            "source": parameters["Source"],
            "detail-type": parameters["DetailType"],
            "detail": json.loads(target.get("Input") or "{}"),
        }
    return Delivery(
        event=event,
        region=region,
        source_arn=schedule.arn,
        bus="",
        target=target,
        accepted=now,
        ingested=iso_time(now),
    )


def _filled(text: str, event: Event) -> str:
    """The input with Scheduler's keywords replaced."""
    values: Mapping[str, str] = {
        "<aws.scheduler.schedule-arn>": event["resources"][0],
        "<aws.scheduler.scheduled-time>": event["time"],
        "<aws.scheduler.execution-id>": str(uuid.uuid4()),
        "<aws.scheduler.attempt-number>": "1",
    }
    for keyword, value in values.items():
        text = text.replace(keyword, value)
    return text
