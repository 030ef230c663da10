"""How many instances there should be: pure rules, as AWS documents them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.scaling.checks import interval
from local.scaling.readings import Reading

ROUNDING = 1e-9  # 3 * 0.1 / 0.1 must not become 4
AT_MAX, AT_MIN, AT_DESIRED = (
    "AlreadyAtMaxCapacity",
    "AlreadyAtMinCapacity",
    "AlreadyAtDesiredCapacity",
)


@dataclass(frozen=True)
class Proposal:
    """What one policy wants, and the alarm that called it. `out` is the direction."""

    policy: str
    alarm: str
    capacity: int
    out: bool


def tracked(readings: Sequence[Reading], target: float, most: int | None = None) -> int:
    """The instances that bring the highest of the readings to its target.

    `most` bounds the instances that a reading is taken to come from. Without instances a metric
    is taken for that of one.
    """
    loads = []
    for reading in readings:
        instances = reading.instances if most is None else min(reading.instances, most)
        loads.append(reading.value * max(1, instances))
    return math.ceil(max(loads) / target - ROUNDING)


def stepped(configuration: Mapping[str, Any], distance: float, capacity: int) -> int | None:
    """The capacity by the step whose interval has `distance` from the threshold; None for none."""
    for step in configuration["StepAdjustments"]:
        lower, upper = interval(step)
        # The bound that lies nearer to the threshold belongs to the step.
        inside = lower <= distance < upper if distance >= 0 else lower < distance <= upper
        if inside:
            return _adjusted(configuration, step["ScalingAdjustment"], capacity)
    return None


def _adjusted(configuration: Mapping[str, Any], adjustment: int, capacity: int) -> int:
    kind = configuration["AdjustmentType"]
    if kind == "ExactCapacity":
        return adjustment
    if kind == "ChangeInCapacity":
        return max(0, capacity + adjustment)
    share = capacity * abs(adjustment) / 100
    # Towards zero, but never to it.
    size = max(
        math.floor(share) or math.ceil(share), configuration.get("MinAdjustmentMagnitude", 0)
    )
    return max(0, capacity + int(math.copysign(size, adjustment)))


def choose(proposals: Sequence[Proposal], tracking: Sequence[str]) -> Proposal | None:
    """The proposal that counts: the largest out, or else the largest in.

    Scaling in takes all the policies that track a target (`tracking`, those that may scale in),
    unless none of them asks for it.
    """
    if outward := [p for p in proposals if p.out]:
        return max(outward, key=lambda p: p.capacity)
    inward = {p.policy for p in proposals}
    asking = inward & set(tracking)
    if asking and asking != set(tracking):
        proposals = [p for p in proposals if p.policy not in asking]
    return max(proposals, key=lambda p: p.capacity, default=None)


def reason_not_to(
    proposal: Proposal, current: int, limits: tuple[int, int]
) -> dict[str, Any] | None:
    """AWS's reason for not scaling, when the limits or the present capacity leave nothing to do."""
    minimum, maximum = limits
    bounded = max(minimum, min(maximum, proposal.capacity))
    if proposal.out and bounded <= current:
        if current >= maximum:
            return {"Code": AT_MAX, "MaxCapacity": maximum, "CurrentCapacity": current}
        return {"Code": AT_DESIRED, "CurrentCapacity": current}
    if not proposal.out and bounded >= current:
        if current <= minimum:
            return {"Code": AT_MIN, "MinCapacity": minimum, "CurrentCapacity": current}
        return {"Code": AT_DESIRED, "CurrentCapacity": current}
    return None
