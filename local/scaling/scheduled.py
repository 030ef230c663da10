"""Scheduled actions: limits by the calendar, fired on the clock of schedules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local.errors import validation_error
from local.events.expressions import InvalidExpression, parse
from local.events.schedules import Scheduled
from local.scaling.activities import FAILED, SUCCESSFUL, Activities, Activity, page
from local.scaling.records import ScheduledAction, Target
from local.scaling.targets import Targets, check_limits, missing

KEPT = ("Schedule", "Timezone", "StartTime", "EndTime", "ScalableTargetAction")
Keep = Callable[[Target], None]  # let the new limits of a target outlive the server


class ScheduledActions:
    """The requests about scheduled actions, and what they do when they fall due."""

    def __init__(self, targets: Targets, activities: Activities, keep: Keep) -> None:
        self._targets = targets
        self._activities = activities
        self._keep = keep

    def put(self, request: dict[str, Any]) -> dict[str, Any]:
        """PutScheduledAction; of an action that is there, what is left out stays."""
        name = request["ScheduledActionName"]
        with self._targets.lock:
            target = self._targets.find(request)
            action = target.actions.get(name)
            fields = {**(action.fields if action else {}), **_given(request)}
            _check(name, fields)
            if action is None:
                last = f"scheduledActionName/{name}"
                arn = self._targets.arn("scheduledAction", target.resource, last)
                action = ScheduledAction(name, arn, self._targets.now(), fields)
                target.actions[name] = action
            action.fields = fields
        return {}

    def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteScheduledAction."""
        with self._targets.lock:
            name = request["ScheduledActionName"]
            found = [t for t in self._targets.named(request) if name in t.actions]
            if not found:
                raise missing("scheduled action found", request, f": {name}")
            del found[0].actions[name]
        return {}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeScheduledActions."""
        names = request.get("ScheduledActionNames")
        with self._targets.lock:
            chosen = [
                _described(target, action)
                for target in self._targets.named(request)
                for action in target.actions.values()
                if not names or action.name in names
            ]
        return page("ScheduledActions", chosen, request)

    def listed(self) -> Iterator[Scheduled]:
        """All of them, for the clock."""
        with self._targets.lock:
            for target in self._targets.all():
                for action in list(target.actions.values()):
                    yield self._scheduled(target, action)

    def _scheduled(self, target: Target, action: ScheduledAction) -> Scheduled:
        return Scheduled(
            arn=action.arn,
            expression=action.fields["Schedule"],
            fire=lambda due: self._fire(target, action),
            zone=action.fields.get("Timezone", "UTC"),
            start=_seconds(action.fields.get("StartTime")),
            end=_seconds(action.fields.get("EndTime")),
        )

    def _fire(self, target: Target, action: ScheduledAction) -> None:
        with self._targets.lock:
            if target.suspended["ScheduledScalingSuspended"]:
                return
            wanted: Mapping[str, int] = action.fields["ScalableTargetAction"]
            minimum = wanted.get("MinCapacity", target.minimum)
            maximum = wanted.get("MaxCapacity", target.maximum)
            text = _limits_text(wanted)
            cause = f"scheduled action name {action.name} was triggered"
            now = self._targets.now()
            activity = Activity(target.names, f"Setting {text}", cause, now)
            self._activities.add(activity)
            if minimum > maximum:
                reason = f"the minimum {minimum} would be greater than the maximum {maximum}."
                activity.end(FAILED, f"Failed to set {text}. Reason: {reason}", now)
                return
            target.minimum, target.maximum = minimum, maximum
            target.course.limited = True
            activity.end(SUCCESSFUL, f"Successfully set {text}", now)
            self._keep(target)


def _given(request: Mapping[str, Any]) -> dict[str, Any]:
    return {key: request[key] for key in KEPT if key in request}


def _check(name: str, fields: Mapping[str, Any]) -> None:
    if "Schedule" not in fields:
        raise validation_error(f"The scheduled action {name} needs a Schedule.")
    try:
        parse(fields["Schedule"], fields.get("Timezone", "UTC"))
    except InvalidExpression as error:
        raise validation_error(str(error)) from error
    wanted = fields.get("ScalableTargetAction", {})
    if not wanted:
        raise validation_error(
            f"The ScalableTargetAction of {name} needs MinCapacity, MaxCapacity or both."
        )
    least = wanted.get("MinCapacity", 0)
    check_limits(least, wanted.get("MaxCapacity", least))


def _limits_text(wanted: Mapping[str, int]) -> str:
    told = {"MinCapacity": "min capacity to {}", "MaxCapacity": "max capacity to {}"}
    return " and ".join(text.format(wanted[key]) for key, text in told.items() if key in wanted)


def _seconds(moment: Any) -> float | None:
    return None if moment is None else float(moment)


def _described(target: Target, action: ScheduledAction) -> dict[str, Any]:
    return {
        "ScheduledActionName": action.name,
        "ScheduledActionARN": action.arn,
        **target.names,
        **action.fields,
        "CreationTime": action.created,
    }
