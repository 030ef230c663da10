"""The ways into moto's alarms that are led to ours: putting one, setting its state, its history.

moto begins an alarm in the state OK and forgets the state of one that is put again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import moto.cloudwatch.models as moto_models
import moto.cloudwatch.responses as moto_responses
from moto.cloudwatch.exceptions import ValidationError
from moto.core.responses import ActionResult

from local.alarms.composite import InvalidRule, parse_rule
from local.alarms.evaluation import COMPARISONS, INSUFFICIENT

KEPT = (
    "state_value",
    "state_reason",
    "state_reason_data",
    "state_updated_timestamp",
    "history",
)
STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum", None)
STATES = ("INSUFFICIENT_DATA", "ALARM", "OK")
MOST = 100  # items of one answer
REPLACED: tuple[tuple[Any, str], ...] = (
    (moto_models.CloudWatchBackend, "put_metric_alarm"),
    (moto_models.CloudWatchBackend, "set_alarm_state"),
)
ORIGINAL = {(owner, name): getattr(owner, name) for owner, name in REPLACED}
SetState = Callable[[Any, str, str, str, "str | None"], None]


def lead_moto(set_state: SetState) -> None:
    """Let the alarms of this process be put, set and told of as AWS does it."""

    def set_alarm_state(
        moto: Any, alarm_name: str, reason: str, reason_data: str | None, state_value: str
    ) -> None:
        _check_state(moto, alarm_name, reason_data, state_value)
        alarm = moto.alarms[alarm_name]
        set_state(alarm, moto.region_name, state_value, reason, reason_data)

    moto_models.CloudWatchBackend.put_metric_alarm = _put_metric_alarm
    moto_models.CloudWatchBackend.set_alarm_state = set_alarm_state
    moto_responses.CloudWatchResponse.describe_alarm_history = _describe_alarm_history
    moto_responses.CloudWatchResponse.put_composite_alarm = _put_composite_alarm


def _put_metric_alarm(moto: Any, name: str, **given: Any) -> Any:
    _check(given)
    before = moto.alarms.get(name)
    put = ORIGINAL[moto_models.CloudWatchBackend, "put_metric_alarm"]
    alarm = put(moto, name=name, **given)
    alarm.state_value = INSUFFICIENT
    if before is not None:
        for attribute in KEPT:
            setattr(alarm, attribute, getattr(before, attribute))
    return alarm


def _check(given: dict[str, Any]) -> None:
    if given.get("rule") is not None:
        try:
            parse_rule(given["rule"])
        except InvalidRule as error:
            raise ValidationError(str(error)) from error
        return
    if given.get("metric_data_queries"):
        raise ValidationError("The embedded AWS does not evaluate alarms on metric math.")
    if given.get("comparison_operator") not in COMPARISONS:
        raise ValidationError(
            f"The embedded AWS has no comparison {given.get('comparison_operator')}."
        )
    _check_statistic(given)
    _check_periods(given)


def _check_statistic(given: dict[str, Any]) -> None:
    extended = given.get("extended_statistic")
    if bool(given.get("statistic")) == bool(extended):
        raise ValidationError("Exactly one of Statistic and ExtendedStatistic must be given.")
    if given.get("statistic") not in STATISTICS:
        raise ValidationError(f"There is no statistic '{given.get('statistic')}'.")
    rank = (extended or "p50")[1:]
    if not rank.replace(".", "", 1).isdigit() or float(rank) > 100:
        raise ValidationError(f"The embedded AWS has percentiles such as p90, not '{extended}'.")


def _check_periods(given: dict[str, Any]) -> None:
    period = int(given.get("period") or 0)
    if period not in (10, 20, 30) and (period <= 0 or period % 60):
        raise ValidationError("Period must be 10, 20, 30 or a multiple of 60.")
    periods = int(given["evaluation_periods"])
    if not 0 < int(given.get("datapoints_to_alarm") or periods) <= periods:
        raise ValidationError("DatapointsToAlarm must be 1 to EvaluationPeriods.")
    if period * periods > 7 * 86_400:
        raise ValidationError("Period times EvaluationPeriods must not be over seven days.")


def _check_state(moto: Any, name: str, data: str | None, state: str) -> None:
    """moto's own checks, on a copy that is thrown away: it has no method for them alone."""
    if name in moto.alarms and state in STATES and data is None:
        return
    check = ORIGINAL[moto_models.CloudWatchBackend, "set_alarm_state"]
    check(_Trial({name: _Nobody()} if name in moto.alarms else {}), name, "", data, state)


class _Nobody:
    def update_state(self, *state: Any) -> None:
        return


class _Trial:
    def __init__(self, alarms: dict[str, Any]) -> None:
        self.alarms = alarms


def _put_composite_alarm(response: Any) -> Any:
    return response.put_metric_alarm()


def _describe_alarm_history(response: Any) -> ActionResult:
    name, kind = response._get_param("AlarmName"), response._get_param("HistoryItemType")
    start, end = response._get_param("StartDate"), response._get_param("EndDate")
    items = [
        item
        for alarm in list(response.cloudwatch_backend.alarms.values())
        for item in list(alarm.history)
        if name in (None, alarm.name)
        and kind in (None, item["HistoryItemType"])
        and (start is None or item["Timestamp"] >= _naive(start))
        and (end is None or item["Timestamp"] <= _naive(end))
    ]
    ascending = response._get_param("ScanBy") == "TimestampAscending"
    items.sort(key=lambda item: item["Timestamp"], reverse=not ascending)
    most = int(response._get_param("MaxRecords") or MOST)
    at = int(response._get_param("NextToken") or 0)
    more = {"NextToken": str(at + most)} if len(items) > at + most else {}
    return ActionResult({"AlarmHistoryItems": items[at : at + most], **more})


def _naive(moment: Any) -> Any:
    return moment.replace(tzinfo=None)
