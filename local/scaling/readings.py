"""What policies decide on: the metric by periods, and how many instances there were in each.

A metric that is an average over instances tells the load only together with their number: what was
measured on one instance says nothing about the three that came meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from local.alarms.data import MetricIndex, Series
from local.alarms.watch import watch_of

BEYOND = 2  # periods beyond the alarm's own, as the alarm itself looks at them
KEPT = 100  # changes of one target; far more than fit into the periods of an alarm


@dataclass(frozen=True)
class Reading:
    """The metric in one period, and the number of instances when it began."""

    value: float
    instances: int


class Counts:
    """How many instances there were when."""

    def __init__(self) -> None:
        self._changes: dict[str, list[tuple[float, int]]] = defaultdict(list)

    def note(self, target: str, count: int, now: float) -> None:
        changes = self._changes[target]
        if not changes or changes[-1][1] != count:
            changes.append((now, count))
            del changes[:-KEPT]

    def at(self, target: str, moment: float) -> int:
        """The number at that time; of a time before the first note, the first number."""
        changes = self._changes[target]
        earlier = [count for since, count in changes if since <= moment]
        return earlier[-1] if earlier else changes[0][1]

    def forget(self, target: str) -> None:
        self._changes.pop(target, None)


class Readings:
    """Reads CloudWatch's data for the alarms of policies."""

    def __init__(self) -> None:
        self._index = MetricIndex()
        self.counts = Counts()

    def refresh(self, cloudwatch: Any, now: float) -> None:
        """Take in what was measured since the last round."""
        self._index.read(cloudwatch.metric_data, now)

    def of_alarm(self, alarm: Any, target: str, now: float) -> list[Reading]:
        """The whole periods that the alarm looks at and that have data, the newest first."""
        watch = watch_of(alarm)
        count = int(alarm.evaluation_periods)
        points = watch.points(self._index, last_period(now, watch.period), count + BEYOND)
        found = [point for point in points if point is not None][:count]
        return [Reading(p.value, self.counts.at(target, p.start)) for p in found]

    def is_silent(self, series: Series, start: int, period: int) -> bool:
        """Whether there are no data in the period."""
        return self._index.window(series, start, period, None) is None


def last_period(now: float, period: int) -> int:
    """The beginning of the last whole period."""
    return int(now // period) * period - period
