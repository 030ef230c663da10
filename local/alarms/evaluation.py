"""What state a metric alarm should have: data points in, a verdict out, as AWS documents it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
BEYOND = 2  # periods that are looked at beyond EvaluationPeriods, to bridge missing data
COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than the threshold"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to the threshold"),
    "LessThanThreshold": (operator.lt, "less than the threshold"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to the threshold"),
}
TREATED = {"breaching": "Breaching", "notBreaching": "NonBreaching"}


@dataclass(frozen=True)
class Condition:
    """When an alarm is raised: `needed` of the last `periods` data points breach."""

    comparison: str
    threshold: float
    periods: int
    needed: int
    missing: str = "missing"  # TreatMissingData

    def breaches(self, value: float) -> bool:
        return COMPARISONS[self.comparison][0](value, self.threshold)


@dataclass(frozen=True)
class Point:
    """The statistic of one period, which began at `start`."""

    start: int
    value: float
    count: float | None = None  # of samples; an expression has none


@dataclass(frozen=True)
class Verdict:
    """The state and why; `state` is None where the alarm keeps the one it has."""

    state: str | None
    reason: str
    points: tuple[Point, ...]


def judge(condition: Condition, found: Sequence[Point | None], current: str) -> Verdict:
    """Judge the evaluation range: one point, or None, for each period, the newest first."""
    points = tuple(p for p in found if p is not None)[: condition.periods]
    breaching = [p for p in points if condition.breaches(p.value)]
    lacking = condition.periods - len(points)
    state = _state(condition, found, points, len(breaching), lacking)
    return Verdict(state, _reason(condition, state or current, current, points, lacking), points)


def _state(
    condition: Condition,
    found: Sequence[Point | None],
    points: Sequence[Point],
    breaching: int,
    lacking: int,
) -> str | None:
    treatment = condition.missing
    if treatment == "breaching":
        breaching += lacking
    if breaching >= condition.needed:
        return ALARM
    if not lacking or treatment in TREATED:
        return OK
    if not points:
        return None if treatment == "ignore" else INSUFFICIENT
    if breaching < len(points):
        return OK
    # Every point there is breaches, but there are too few of them.
    if treatment == "ignore":
        return None
    age = max(number for number, point in enumerate(found, 1) if point is not None)
    return ALARM if age >= condition.needed else OK


def _reason(
    condition: Condition, state: str, current: str, points: Sequence[Point], lacking: int
) -> str:
    if state == INSUFFICIENT:
        return f"Insufficient Data: {_plural(lacking, 'datapoint')} {_was(lacking)} unknown."
    if not points:
        treated = TREATED.get(condition.missing, "Missing")
        return (
            f"Threshold Crossed: no datapoints were received for {_plural(lacking, 'period')} and "
            f"{_plural(lacking, 'missing datapoint')} {_was(lacking)} treated as [{treated}]."
        )
    chosen = [p for p in points if condition.breaches(p.value) == (state == ALARM)]
    needed = condition.needed if state == ALARM else condition.periods - condition.needed + 1
    listed = ", ".join(f"{p.value} ({_day(p.start)})" for p in chosen)
    words = COMPARISONS[condition.comparison][1]
    return (
        f"Threshold Crossed: {len(chosen)} out of the last {condition.periods} datapoints "
        f"[{listed}] {_was(len(chosen))} {'' if state == ALARM else 'not '}{words} "
        f"({condition.threshold}) (minimum {_plural(needed, 'datapoint')} for "
        f"{OK if state == ALARM else ALARM} -> {state} transition)."
    )


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def _day(start: int) -> str:
    return datetime.fromtimestamp(start, tz=timezone.utc).strftime("%d/%m/%y %H:%M:%S")
