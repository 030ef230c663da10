"""When to stop: one trial by AWS's median rule, the whole tuning job by its criteria. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median

FEWEST_CURVES = 2  # a median of one trial would let the first trial judge the second
SIGNIFICANT = 0.01  # an improvement below 1 % of the best does not count


def better(objective_type: str, value: float, than: float) -> bool:
    """Whether an objective value beats another."""
    return value > than if objective_type == "Maximize" else value < than


def reached(objective_type: str, value: float, target: float) -> bool:
    """Whether an objective value is at the target or beyond it."""
    return value == target or better(objective_type, value, target)


def median_rule(
    objective_type: str, curve: Sequence[float], finished: Sequence[Sequence[float]]
) -> bool:
    """Whether a trial should stop after the last value of its `curve`.

    A value an epoch. It stops when that value is worse than the median, over the `finished`
    trials that got as far, of their mean objective up to the same epoch.
    """
    epochs = len(curve)
    comparable = [other for other in finished if len(other) >= epochs]
    if not curve or len(comparable) < FEWEST_CURVES:
        return False
    averages = [fmean(other[:epochs]) for other in comparable]
    return better(objective_type, median(averages), curve[-1])


def not_improving(objective_type: str, objectives: Sequence[float]) -> int:
    """How many of the latest `objectives`, in order of finishing, did not improve by 1 %."""
    count = 0
    best: float | None = None
    for value in objectives:
        if best is None or _improves(objective_type, value, best):
            best, count = value, 0
        else:
            count += 1
    return count


def _improves(objective_type: str, value: float, best: float) -> bool:
    return better(objective_type, value, best) and abs(value - best) >= SIGNIFICANT * abs(best)
