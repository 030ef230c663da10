"""One target at a time: what was begun is ended, limits are enforced, policies are followed."""

from __future__ import annotations

from typing import Any

from local.errors import ApiError
from local.scaling.activities import (
    FAILED,
    OVERRIDDEN,
    SUCCESSFUL,
    UNDER_WAY,
    UNFULFILLED,
    Activities,
    Activity,
)
from local.scaling.decision import Proposal, choose, reason_not_to
from local.scaling.pace import Pace
from local.scaling.proposing import Proposing, tracking_in
from local.scaling.readings import Readings
from local.scaling.records import Target
from local.scaling.variants import FAILED as ENDPOINT_FAILED
from local.scaling.variants import IN_SERVICE, Variant, Variants

COUNT = "desired instance count to {}"


class Scaler:
    """Brings the instances of a target to what its limits and its policies say."""

    def __init__(
        self, variants: Variants, activities: Activities, readings: Readings, pace: Pace
    ) -> None:
        self._variants = variants
        self._activities = activities
        self._readings = readings
        self._pace = pace
        self._proposing = Proposing(readings, pace)

    def look_after(self, target: Target, variant: Variant, cloudwatch: Any, now: float) -> None:
        """One look at a target whose variant is as given."""
        course = target.course
        if variant.current is not None:
            self._readings.counts.note(target.arn, variant.current, now)
        if _is_under_way(course.activity):
            self._finish(target, variant, now)
        resting = now < course.rests_until or _is_under_way(course.activity)
        if variant.desired is None or resting:
            return
        if course.limited:
            self._enforce_limits(target, variant.status, variant.desired, now)
        elif variant.status == IN_SERVICE:
            self._follow_policies(target, cloudwatch, variant.desired, now)

    def _finish(self, target: Target, variant: Variant, now: float) -> None:
        """End the activity under way when the endpoint has come to rest."""
        activity = target.course.activity
        if activity is None:
            return
        text = COUNT.format(activity.capacity)
        if variant.status == ENDPOINT_FAILED:
            activity.end(FAILED, f"Failed to set {text}. Reason: {variant.reason}", now)
        elif variant.status != IN_SERVICE:
            return
        elif variant.desired != activity.capacity:
            message = f"Failed to set {text}. Reason: it is {variant.desired} now."
            activity.end(UNFULFILLED, message, now)
        elif variant.current == activity.capacity:
            message = f"Successfully set {text}. Change successfully fulfilled by sagemaker."
            activity.end(SUCCESSFUL, message, now)
            _begin_cooldown(target, activity, now)
        else:
            return
        target.course.activity = None
        if activity.status != SUCCESSFUL:
            self._rest(target, now)

    def _enforce_limits(self, target: Target, status: str, desired: int, now: float) -> None:
        """Bring the count inside limits that changed, once; scaling waits for the endpoint."""
        course, capacity = target.course, target.bound(desired)
        waiting = course.activity
        if waiting is not None and waiting.capacity != capacity:
            waiting.end(OVERRIDDEN, "The limits or the endpoint changed meanwhile.", now)
            waiting = course.activity = None
        if capacity == desired:
            course.limited = False
            return
        which = "minimum" if capacity > desired else "maximum"
        if waiting is None:
            cause = f"{which} capacity was set to {capacity}"
            waiting = self._begin(target, capacity, desired, cause, now)
        if status == IN_SERVICE:
            course.limited = course.by_policy = False
            self._ask(target, waiting, now)

    def _follow_policies(self, target: Target, cloudwatch: Any, current: int, now: float) -> None:
        proposals = self._proposing.proposals(cloudwatch, target, current, now)
        proposal = choose(proposals, tracking_in(target))
        if proposal is None:
            if not proposals:
                target.course.told = ("", "")
            return
        cause = f"monitor alarm {proposal.alarm} in state ALARM triggered policy {proposal.policy}"
        reason = reason_not_to(proposal, current, (target.minimum, target.maximum))
        if reason is not None:
            self._tell(target, proposal, reason, cause, now)
            return
        activity = self._begin(target, target.bound(proposal.capacity), current, cause, now)
        target.course.by_policy = True
        self._ask(target, activity, now)

    def _begin(
        self, target: Target, capacity: int, current: int, cause: str, now: float
    ) -> Activity:
        description = f"Setting {COUNT.format(capacity)}."
        activity = Activity(target.names, description, cause, now, capacity)
        course = target.course
        course.activity, course.before, course.told = activity, current, ("", "")
        return self._activities.add(activity)

    def _ask(self, target: Target, activity: Activity, now: float) -> None:
        text = COUNT.format(activity.capacity)
        try:
            self._variants.set_count(target.endpoint, target.variant, activity.capacity)
        except ApiError as error:
            activity.end(FAILED, f"Failed to set {text}. Reason: {error.message}", now)
            target.course.activity = None
            self._rest(target, now)
        else:
            message = f"Successfully set {text}. Waiting for change to be fulfilled by sagemaker."
            activity.go_on(UNDER_WAY, message)

    def _rest(self, target: Target, now: float) -> None:
        """What came to nothing is not tried again in every round."""
        target.course.rests_until = now + self._pace.period

    def _tell(
        self, target: Target, proposal: Proposal, reason: dict[str, Any], cause: str, now: float
    ) -> None:
        """An activity that is none: once, not in every round."""
        told = (proposal.policy, str(reason["Code"]))
        if target.course.told != told:
            target.course.told = told
            activity = Activity(
                target.names, "Attempting to scale due to alarm triggered", cause, now
            )
            activity.not_scaled = [reason]
            activity.end(FAILED, "", now)
            self._activities.add(activity)


def _is_under_way(activity: Activity | None) -> bool:
    return activity is not None and activity.status == UNDER_WAY


def _begin_cooldown(target: Target, activity: Activity, now: float) -> None:
    course = target.course
    if not course.by_policy:
        return
    if activity.capacity > course.before:
        course.out_before, course.out_ended = course.before, now
        course.in_ended = None  # a scale-out ends the other cooldown
    else:
        course.in_ended = now
        course.out_ended = None
