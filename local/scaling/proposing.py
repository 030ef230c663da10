"""What each policy of a target asks for now, by its alarms, its metric and its cooldowns."""

from __future__ import annotations

from typing import Any

from local.alarms.evaluation import ALARM
from local.alarms.watch import watch_of
from local.scaling.decision import Proposal, stepped, tracked
from local.scaling.pace import Pace
from local.scaling.policies import alarms_of
from local.scaling.readings import Readings
from local.scaling.records import STEPS, TRACKING, Policy, Target

COOLDOWN = 300  # seconds; AWS's default for endpoint variants


class Proposing:
    """Asks the policies; changes nothing but the times at which steps were taken."""

    def __init__(self, readings: Readings, pace: Pace) -> None:
        self._readings = readings
        self._pace = pace
        self._stepped: dict[str, int] = {}

    def proposals(
        self, cloudwatch: Any, target: Target, current: int, now: float
    ) -> list[Proposal]:
        """What is asked for, but for what the target has suspended."""
        found = []
        for policy in target.policies.values():
            for alarm in alarms_of(cloudwatch, policy):
                proposal = self._by_alarm(target, policy, alarm, current, now)
                if proposal is not None:
                    found.append(proposal)
        suspended = {
            True: target.suspended["DynamicScalingOutSuspended"],
            False: target.suspended["DynamicScalingInSuspended"],
        }
        return [proposal for proposal in found if not suspended[proposal.out]]

    def _by_alarm(
        self, target: Target, policy: Policy, alarm: Any, current: int, now: float
    ) -> Proposal | None:
        calls = alarm.actions_enabled and policy.arn in alarm.alarm_actions
        if alarm.state_value != ALARM or not calls:
            return None
        if policy.kind == STEPS:
            return self._step(target, policy, alarm, current, now)
        if alarm.name == policy.high:
            return self._track_out(target, policy, alarm, now)
        return self._track_in(target, policy, alarm, now) if alarm.name == policy.low else None

    def _track_out(self, target: Target, policy: Policy, alarm: Any, now: float) -> Proposal | None:
        newest = self._readings.of_alarm(alarm, target.arn, now)[:1]
        if not newest:
            return None
        # During the cooldown what was added is a part of what is asked for, not its basis.
        cooling = self._is_cooling_out(target, policy, "ScaleOutCooldown", now)
        most = target.course.out_before if cooling else None
        return Proposal(policy.name, alarm.name, tracked(newest, self._goal(policy), most), True)

    def _track_in(self, target: Target, policy: Policy, alarm: Any, now: float) -> Proposal | None:
        readings = self._readings.of_alarm(alarm, target.arn, now)
        if not readings or self._is_cooling_in(target, policy, "ScaleInCooldown", now):
            return None
        # The busiest period counts: scaling in is careful.
        return Proposal(policy.name, alarm.name, tracked(readings, self._goal(policy)), False)

    def _step(
        self, target: Target, policy: Policy, alarm: Any, current: int, now: float
    ) -> Proposal | None:
        newest = self._readings.of_alarm(alarm, target.arn, now)[:1]
        end = int(now // watch_of(alarm).period)
        if not newest or self._stepped.get(policy.arn) == end:
            return None  # one step for a period
        distance = newest[0].value - float(alarm.threshold)
        capacity = stepped(policy.configuration, distance, current)
        if capacity is None:
            return None
        out = capacity > current
        if out and self._is_cooling_out(target, policy, "Cooldown", now):
            basis = target.course.out_before
            capacity = stepped(policy.configuration, distance, basis) or capacity
        elif not out and self._is_cooling_in(target, policy, "Cooldown", now):
            return None
        self._stepped[policy.arn] = end
        return Proposal(policy.name, alarm.name, capacity, out)

    def _goal(self, policy: Policy) -> float:
        statistic = _statistic(policy)
        return self._pace.threshold(float(policy.configuration["TargetValue"]), statistic)

    def _is_cooling_out(self, target: Target, policy: Policy, field: str, now: float) -> bool:
        return self._is_cooling(target.course.out_ended, policy, field, now)

    def _is_cooling_in(self, target: Target, policy: Policy, field: str, now: float) -> bool:
        return self._is_cooling(target.course.in_ended, policy, field, now)

    def _is_cooling(self, ended: float | None, policy: Policy, field: str, now: float) -> bool:
        cooldown = self._pace.seconds(policy.configuration.get(field, COOLDOWN))
        return ended is not None and now < ended + cooldown


def _statistic(policy: Policy) -> str:
    given = policy.configuration.get("CustomizedMetricSpecification")
    return str(given["Statistic"]) if given else "Sum"


def tracking_in(target: Target) -> list[str]:
    """The policies that must agree when instances are to go."""
    return [p.name for p in target.policies.values() if p.kind == TRACKING and p.scales_in]
