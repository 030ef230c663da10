"""The EventBridge rules that start deployments and retrainings, with their targets.

A rule that the settings switch off is disabled, so that its history stays; one that they no longer
describe, as a schedule that was taken out, is deleted with its targets.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from errors import BreedlineError
from provision.change import Change, Clients, as_tags, compare, from_tags, only, or_none
from provision.stale import marks, plan_stale
from settings import Settings
from statemachine.names import Names
from statemachine.rules import Rule

RESOURCE = "rule"
ABSENT = "ResourceNotFoundException"


@dataclass(frozen=True)
class Deployed:
    """The rule as it should be deployed."""

    rule: Rule
    arn: str
    tags: dict[str, str]

    @property
    def name(self) -> str:
        return self.rule.name

    def properties(self) -> dict[str, Any]:
        """What is compared with the rule that exists."""
        return {
            "description": self.rule.description,
            "pattern": self.rule.pattern or None,
            "schedule": self.rule.schedule or None,
            "state": "ENABLED" if self.rule.enabled else "DISABLED",
            "tags": self.tags,
            "targets": {target["Id"]: target for target in self.rule.targets},
        }

    def request(self) -> dict[str, Any]:
        """PutRule's request, without tags."""
        wanted = {
            "Name": self.name,
            "Description": self.rule.description,
            "State": "ENABLED" if self.rule.enabled else "DISABLED",
            "EventPattern": self.rule.pattern and json.dumps(self.rule.pattern),
            "ScheduleExpression": self.rule.schedule,
        }
        return {key: value for key, value in wanted.items() if value}


def plan_rules(clients: Clients, settings: Settings, rules: Sequence[Rule]) -> Iterator[Change]:
    """Compare the rules and their targets; ours beyond them are deleted."""
    events, names = clients("events"), Names(settings)
    found = _listed(events, names.rule(""))
    for rule in rules:
        desired = Deployed(rule, names.arn("events", f"rule/{rule.name}"), marks(settings))
        there = found.get(rule.name)
        yield compare(RESOURCE, there and _current(events, there, desired), desired)
    yield from plan_stale(
        RESOURCE,
        found,
        {rule.name for rule in rules},
        lambda name: _tags(events, found[name]["Arn"]),
        settings,
    )


def apply_rule(clients: Clients, change: Change) -> str:
    """Put the rule and its targets, or delete both; returns its ARN or name.

    Raises:
        BreedlineError: EventBridge refused a target.
    """
    events = clients("events")
    if change.kind == "delete":
        _remove_targets(events, change.name, set())
        or_none(lambda: events.delete_rule(Name=change.name), ABSENT)
        return change.name
    desired: Deployed = change.desired
    made = events.put_rule(**desired.request(), Tags=as_tags(desired.tags))
    # Of a rule that is there, the call above ignores the tags.
    events.tag_resource(ResourceARN=desired.arn, Tags=as_tags(desired.tags))
    targets = [dict(target) for target in desired.rule.targets]
    if targets:
        _look(change.name, events.put_targets(Rule=change.name, Targets=targets))
    _remove_targets(events, change.name, {target["Id"] for target in targets})
    return str(made["RuleArn"])


def _remove_targets(events: Any, rule: str, wanted: set[str]) -> None:
    stale = sorted({target["Id"] for target in _targets(events, rule)} - wanted)
    if stale:
        _look(rule, events.remove_targets(Rule=rule, Ids=stale))


def _look(rule: str, answer: Mapping[str, Any]) -> None:
    """EventBridge answers 200 also when it refused some of the targets."""
    for entry in answer.get("FailedEntries", []):
        raise BreedlineError(
            f"EventBridge refused target '{entry['TargetId']}' of the rule '{rule}' "
            f"({entry['ErrorCode']}): {entry['ErrorMessage']}"
        )


def _listed(events: Any, prefix: str) -> dict[str, Any]:
    """The rules whose names begin with `prefix`, by name, without those that AWS manages."""
    pages = events.get_paginator("list_rules").paginate(NamePrefix=prefix)
    listed = (rule for page in pages for rule in page["Rules"])
    return {rule["Name"]: rule for rule in listed if "ManagedBy" not in rule}


def _current(events: Any, found: Mapping[str, Any], desired: Deployed) -> dict[str, Any]:
    pattern = found.get("EventPattern")
    return {
        "description": found.get("Description", ""),
        "pattern": json.loads(pattern) if pattern else None,
        "schedule": found.get("ScheduleExpression") or None,
        "state": found["State"],
        "tags": only(_tags(events, found["Arn"]), desired.tags),
        "targets": {target["Id"]: target for target in _targets(events, found["Name"])},
    }


def _targets(events: Any, rule: str) -> list[dict[str, Any]]:
    """All targets of a rule; none of one that somebody else has just deleted."""
    pages = events.get_paginator("list_targets_by_rule").paginate(Rule=rule)
    found = or_none(lambda: [item for page in pages for item in page["Targets"]], ABSENT)
    return found or []


def _tags(events: Any, arn: str) -> dict[str, str]:
    return from_tags(events.list_tags_for_resource(ResourceARN=arn)["Tags"])
