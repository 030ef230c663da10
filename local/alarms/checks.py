"""What PutMetricAlarm and PutCompositeAlarm refuse: what is wrong, and what is not evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.cloudwatch.exceptions import ValidationError

from local.alarms.composite import InvalidRule, parse_rule
from local.alarms.evaluation import COMPARISONS
from local.alarms.metric_math import InvalidMath
from local.alarms.watch import read_queries

STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
OF_ONE_METRIC = {
    "namespace": "Namespace",
    "metric_name": "MetricName",
    "dimensions": "Dimensions",
    "period": "Period",
    "unit": "Unit",
    "statistic": "Statistic",
    "extended_statistic": "ExtendedStatistic",
}


def check_alarm(given: Mapping[str, Any]) -> None:
    """Raises ValidationError with one sentence; `given` is in the words of moto."""
    if given.get("rule") is not None:
        try:
            parse_rule(given["rule"])
        except InvalidRule as error:
            raise ValidationError(str(error)) from error
        return
    if given.get("comparison_operator") not in COMPARISONS:
        raise ValidationError(
            f"The embedded AWS has no comparison {given.get('comparison_operator')}."
        )
    if given.get("metric_data_queries"):
        _check_queries(given)
    else:
        _check_either(given)
        _check_periods(given, int(given.get("period") or 0))


def _check_queries(given: Mapping[str, Any]) -> None:
    for field, name in OF_ONE_METRIC.items():
        if given.get(field):
            raise ValidationError(f"{name} must not be given together with Metrics.")
    try:
        watch = read_queries(given["metric_data_queries"])
    except InvalidMath as error:
        raise ValidationError(str(error)) from error
    for metric in watch.metrics.values():
        _check_statistic(metric.statistic)
    _check_periods(given, watch.period)


def _check_either(given: Mapping[str, Any]) -> None:
    statistic, extended = given.get("statistic"), given.get("extended_statistic")
    if bool(statistic) == bool(extended):
        raise ValidationError("Exactly one of Statistic and ExtendedStatistic must be given.")
    if statistic and statistic not in STATISTICS:
        raise ValidationError(f"There is no statistic '{statistic}'.")
    _check_statistic(str(statistic or extended))


def _check_statistic(name: str) -> None:
    rank = name[1:]
    is_percentile = name[:1] == "p" and rank.replace(".", "", 1).isdigit() and float(rank) <= 100
    if name not in STATISTICS and not is_percentile:
        raise ValidationError(
            f"The embedded AWS has the statistics {', '.join(STATISTICS)} and percentiles such "
            f"as p90, not '{name}'."
        )


def _check_periods(given: Mapping[str, Any], period: int) -> None:
    if period not in (10, 20, 30) and (period <= 0 or period % 60):
        raise ValidationError("Period must be 10, 20, 30 or a multiple of 60.")
    periods = int(given["evaluation_periods"])
    if not 0 < int(given.get("datapoints_to_alarm") or periods) <= periods:
        raise ValidationError("DatapointsToAlarm must be 1 to EvaluationPeriods.")
    if period * periods > 7 * 86_400:
        raise ValidationError("Period times EvaluationPeriods must not be over seven days.")
