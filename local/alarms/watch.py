"""What a metric alarm watches: one metric, or an expression over several.

Read from moto's alarm, in which a metric alone has the fields of PutMetricAlarm and all else is a
list of MetricDataQuery.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.alarms.data import MetricIndex, Series, series_of
from local.alarms.evaluation import Point
from local.alarms.math_values import Window
from local.alarms.metric_math import SERIES, Expression, InvalidMath, Scope, measured, parse_math

ID = re.compile(r"[a-z][a-zA-Z0-9_]{0,254}")
MOST = 10  # metrics of an alarm, and expressions
ALONE = "m1"  # the id of a metric that has none


@dataclass(frozen=True)
class Measured:
    """The statistic of a metric by periods."""

    series: Series
    statistic: str
    unit: str | None

    def point(self, index: MetricIndex, start: int, period: int) -> Point | None:
        bucket = index.window(self.series, start, period, self.unit)
        value = None if bucket is None else bucket.statistic(self.statistic)
        return None if bucket is None or value is None else Point(start, value, bucket.count)


@dataclass(frozen=True)
class Watch:
    """Data points of an alarm, from those of its metrics."""

    period: int
    metrics: Mapping[str, Measured]
    expression: Expression | None = None  # without one there is one metric alone

    def version(self, index: MetricIndex) -> tuple[int, ...]:
        """Changes whenever data were added to one of the metrics."""
        return tuple(index.version(metric.series) for metric in self.metrics.values())

    def points(self, index: MetricIndex, newest: int, count: int) -> list[Point | None]:
        """The points of `count` periods; that of the period that began at `newest` is first."""
        starts = [newest - number * self.period for number in range(count)]
        found = {
            name: [metric.point(index, start, self.period) for start in starts]
            for name, metric in self.metrics.items()
        }
        if self.expression is None:
            return next(iter(found.values()))
        return _computed(self.expression, starts, found)


def watch_of(alarm: Any) -> Watch:
    """What moto's alarm watches."""
    if alarm.metric_data_queries:
        return read_queries(alarm.metric_data_queries)
    dimensions = {d.name: d.value for d in alarm.dimensions}
    series = series_of(alarm.namespace, alarm.metric_name, dimensions)
    metric = Measured(series, alarm.statistic or alarm.extended_statistic, alarm.unit)
    return Watch(int(alarm.period), {ALONE: metric})


def read_queries(queries: Sequence[Any]) -> Watch:
    """Read the Metrics of PutMetricAlarm; raises InvalidMath with one sentence."""
    watched = _watched(queries)
    names = _Names(queries)
    expressions = {query.id: names.resolve(query.id) for query in queries}
    if expressions[watched].kind != SERIES:
        raise InvalidMath(
            f"An alarm watches a time series, and '{watched}' is {expressions[watched].kind}."
        )
    stats = {query.id: query.metric_stat for query in queries if query.metric_stat}
    metrics = {name: _measured(stat) for name, stat in stats.items()}
    return Watch(names.scope.period, metrics, expressions[watched])


def _computed(
    expression: Expression, starts: Sequence[int], found: Mapping[str, Sequence[Point | None]]
) -> list[Point | None]:
    series = {
        name: {point.start: point.value for point in points if point is not None}
        for name, points in found.items()
    }
    value = expression.evaluate(Window(tuple(reversed(starts)), series))
    values = value if isinstance(value, dict) else {}
    return [Point(start, values[start]) if start in values else None for start in starts]


def _measured(stat: Any) -> Measured:
    metric = stat.metric
    dimensions = {d.name: d.value for d in metric.dimensions}
    series = series_of(metric.namespace, metric.metric_name, dimensions)
    return Measured(series, stat.stat, stat.unit)


class _Names:
    """The ids of one alarm, each read when it is first named."""

    def __init__(self, queries: Sequence[Any]) -> None:
        self._queries = {query.id: query for query in queries}
        self._read: dict[str, Expression] = {}
        self._open: list[str] = []
        stats = {q.id: measured(q.id) for q in queries if q.metric_stat}
        self.scope = Scope(self.resolve, stats, _period(queries))

    def resolve(self, name: str) -> Expression:
        if name not in self._queries:
            raise InvalidMath(f"The Metrics have no element with the Id '{name}'.")
        if name in self._open:
            raise InvalidMath(f"The expression '{name}' is made of itself.")
        if name not in self._read:
            self._open.append(name)
            text = self._queries[name].expression
            self._read[name] = parse_math(text, self.scope) if text else measured(name)
            self._open.pop()
        return self._read[name]


def _watched(queries: Sequence[Any]) -> str:
    """The id of the element that the alarm watches; all elements are checked."""
    ids = [query.id for query in queries]
    for query in queries:
        if not ID.fullmatch(query.id or ""):
            raise InvalidMath(
                f"An Id has letters, digits and underscores and begins with a small letter, "
                f"unlike '{query.id}'."
            )
        if ids.count(query.id) > 1:
            raise InvalidMath(f"Two elements of Metrics have the Id '{query.id}'.")
        if bool(query.expression) == bool(query.metric_stat):
            raise InvalidMath(f"'{query.id}' must have either an Expression or a MetricStat.")
    expressions = sum(1 for query in queries if query.expression)
    if max(expressions, len(queries) - expressions) > MOST:
        raise InvalidMath(f"An alarm has {MOST} metrics and {MOST} expressions at most.")
    returned = [query.id for query in queries if query.return_data is not False]
    if len(returned) != 1:
        raise InvalidMath("Exactly one element of the metrics list should return data.")
    return str(returned[0])


def _period(queries: Sequence[Any]) -> int:
    """The one period of all metrics."""
    stats = [int(query.metric_stat.period) for query in queries if query.metric_stat]
    if not stats:
        raise InvalidMath("The Metrics of an alarm have at least one MetricStat.")
    given = {*stats, *(int(query.period) for query in queries if query.period)}
    if len(given) > 1:
        raise InvalidMath(
            f"The embedded AWS evaluates metrics with one Period, not with {sorted(given)}."
        )
    return stats[0]
