"""Scaling policies: put with their alarms, described, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.scaling.activities import page
from local.scaling.checks import CONFIGURED, check_policy
from local.scaling.pace import Pace
from local.scaling.records import TRACKING, Policy, Target
from local.scaling.targets import Targets, missing
from local.scaling.tracking import put_alarms


class Policies:
    """The requests about policies."""

    def __init__(self, targets: Targets, pace: Pace) -> None:
        self._targets = targets
        self._pace = pace

    def put(self, request: dict[str, Any]) -> dict[str, Any]:
        """PutScalingPolicy, which also replaces the configuration of a policy."""
        name = request["PolicyName"]
        with self._targets.lock:
            target = self._targets.find(request)
            kind, configuration = check_policy(target, request)
            policy = target.policies.get(name)
            if policy is None:
                arn = self._targets.arn("scalingPolicy", target.resource, f"policyName/{name}")
                policy = Policy(name, kind, arn, self._targets.now(), configuration)
                target.policies[name] = policy
            policy.configuration = configuration
            if kind == TRACKING:
                put_alarms(self._targets.cloudwatch, target, policy, self._pace)
            return {"PolicyARN": policy.arn, "Alarms": self._alarms(policy)}

    def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteScalingPolicy: the alarms that were made for it go with it."""
        with self._targets.lock:
            name = request["PolicyName"]
            found = [t for t in self._targets.named(request) if name in t.policies]
            if not found:
                raise missing("scaling policy found", request, f": {name}")
            policy = found[0].policies.pop(name)
            self._targets.cloudwatch.delete_alarms(policy.alarms)
        return {}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeScalingPolicies."""
        names = request.get("PolicyNames")
        with self._targets.lock:
            chosen = [
                self._described(target, policy)
                for target in self._targets.named(request)
                for policy in target.policies.values()
                if not names or policy.name in names
            ]
        return page("ScalingPolicies", chosen, request)

    def _described(self, target: Target, policy: Policy) -> dict[str, Any]:
        return {
            "PolicyARN": policy.arn,
            "PolicyName": policy.name,
            **target.names,
            "PolicyType": policy.kind,
            CONFIGURED[policy.kind]: policy.configuration,
            "Alarms": self._alarms(policy),
            "CreationTime": policy.created,
        }

    def _alarms(self, policy: Policy) -> list[Mapping[str, str]]:
        """Its own alarms, and those of the user's that call it."""
        return [
            {"AlarmName": alarm.name, "AlarmARN": alarm.alarm_arn}
            for alarm in alarms_of(self._targets.cloudwatch, policy)
        ]


def alarms_of(cloudwatch: Any, policy: Policy) -> list[Any]:
    """moto's alarms whose actions name the policy."""
    return [alarm for alarm in list(cloudwatch.alarms.values()) if policy.arn in _actions(alarm)]


def _actions(alarm: Any) -> list[str]:
    return [*alarm.alarm_actions, *alarm.ok_actions, *alarm.insufficient_data_actions]
