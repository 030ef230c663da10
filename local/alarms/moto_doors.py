"""The ways into moto's alarms that are led to ours: putting one, setting its state, its history.

moto begins an alarm in the state OK and forgets the state of one that is put again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import moto.cloudwatch.models as moto_models
import moto.cloudwatch.responses as moto_responses
from moto.core.responses import ActionResult

from local.alarms.checks import check_alarm
from local.alarms.evaluation import INSUFFICIENT

KEPT = (
    "state_value",
    "state_reason",
    "state_reason_data",
    "state_updated_timestamp",
    "history",
)
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
    check_alarm(given)
    before = moto.alarms.get(name)
    put = ORIGINAL[moto_models.CloudWatchBackend, "put_metric_alarm"]
    alarm = put(moto, name=name, **given)
    alarm.state_value = INSUFFICIENT
    if before is not None:
        for attribute in KEPT:
            setattr(alarm, attribute, getattr(before, attribute))
    return alarm


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
