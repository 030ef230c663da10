"""An alarm changes its state: its history, its event, its actions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from local.alarms.evaluation import ALARM, OK
from local.events import Events

Act = Callable[[str, Any, "Change"], None]
EVENT = "CloudWatch Alarm State Change"


@dataclass(frozen=True)
class Change:
    """From one state to another; the states in the words of the event."""

    alarm: Any
    previous: Mapping[str, Any]
    state: Mapping[str, Any]
    account: str
    region: str

    def detail(self) -> dict[str, Any]:
        """The event's detail."""
        return {
            "alarmName": self.alarm.name,
            "configuration": _configuration(self.alarm),
            "previousState": dict(self.previous),
            "state": dict(self.state),
        }


def change_state(
    alarm: Any, value: str, reason: str, data: str | None, now: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Set the state of moto's alarm and write its history; returns the old and the new state."""
    moment = datetime.fromtimestamp(now, tz=timezone.utc).replace(tzinfo=None)
    previous = _as_state(alarm)
    alarm.state_value, alarm.state_reason = value, reason
    alarm.state_reason_data, alarm.state_updated_timestamp = data or "", moment
    alarm.state_transitioned_timestamp = moment
    state = _as_state(alarm)
    summary = f"Alarm updated from {previous['value']} to {value}"
    details = {"oldState": _history(previous), "newState": _history(state)}
    write_history(alarm, "StateUpdate", summary, {"version": "1.0", **details}, now)
    return previous, state


def write_history(alarm: Any, kind: str, summary: str, data: Any, now: float) -> None:
    """One item of DescribeAlarmHistory."""
    alarm.history.append(
        {
            "AlarmName": alarm.name,
            "AlarmType": "MetricAlarm" if alarm.rule is None else "CompositeAlarm",
            "Timestamp": datetime.fromtimestamp(now, tz=timezone.utc).replace(tzinfo=None),
            "HistoryItemType": kind,
            "HistorySummary": summary,
            "HistoryData": json.dumps(data),
        }
    )


def announce(change: Change, events: Events, act: Act) -> None:
    """Send the event, and do the actions of the new state when they are enabled."""
    alarm = change.alarm
    events.emit_in(
        change.region, EVENT, change.detail(), [alarm.alarm_arn], source="aws.cloudwatch"
    )
    if alarm.actions_enabled:
        for arn in list(_actions(alarm, change.state["value"])):
            act(arn, alarm, change)


def _actions(alarm: Any, state: str) -> list[str]:
    others: list[str] = alarm.insufficient_data_actions
    chosen: list[str] = {ALARM: alarm.alarm_actions, OK: alarm.ok_actions}.get(state, others)
    return chosen


def _as_state(alarm: Any) -> dict[str, Any]:
    updated = alarm.state_updated_timestamp
    state = {
        "value": alarm.state_value,
        "reason": alarm.state_reason,
        "timestamp": updated.strftime("%Y-%m-%dT%H:%M:%S.")
        + f"{updated.microsecond // 1000:03}+0000",
    }
    data = alarm.state_reason_data
    return state | ({"reasonData": data} if data and data != "{}" else {})


def _history(state: Mapping[str, Any]) -> dict[str, Any]:
    data = json.loads(state.get("reasonData", "null"))
    known = {"stateValue": state["value"], "stateReason": state["reason"]}
    return known | ({"stateReasonData": data} if data else {})


def _configuration(alarm: Any) -> dict[str, Any]:
    described = {"description": alarm.description} if alarm.description else {}
    if alarm.rule is not None:
        return {"alarmRule": alarm.rule, **described}
    return {**described, "metrics": [_camel(query) for query in queries_of(alarm)]}


def queries_of(alarm: Any) -> list[dict[str, Any]]:
    """What the alarm watches, in the words of PutMetricAlarm's Metrics."""
    if alarm.metric_data_queries:
        return [_query(query) for query in alarm.metric_data_queries]
    metric = _metric(alarm.namespace, alarm.metric_name, alarm.dimensions)
    stat = alarm.statistic or alarm.extended_statistic
    measured = {"Metric": metric, "Period": int(alarm.period), "Stat": stat}
    return [{"Id": "m1", "MetricStat": measured, "ReturnData": True}]


def _query(query: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"Id": query.id}
    if query.label:
        told["Label"] = query.label
    if query.expression:
        told["Expression"] = query.expression
    else:
        stat = query.metric_stat
        metric = _metric(stat.metric.namespace, stat.metric.metric_name, stat.metric.dimensions)
        unit = {"Unit": stat.unit} if stat.unit else {}
        measured = {"Metric": metric, "Period": int(stat.period), "Stat": stat.stat, **unit}
        told["MetricStat"] = measured
    return {**told, "ReturnData": query.return_data is not False}


def _metric(namespace: str, name: str, dimensions: Any) -> dict[str, Any]:
    pairs = {d.name: d.value for d in dimensions}
    return {"Namespace": namespace, "MetricName": name, "Dimensions": pairs}


def _camel(query: dict[str, Any]) -> dict[str, Any]:
    """In the words of the event, where a metric's name is `name`."""
    told = {key[0].lower() + key[1:]: value for key, value in query.items()}
    if stat := query.get("MetricStat"):
        metric = stat["Metric"]
        told["metricStat"] = {
            "metric": {
                "namespace": metric["Namespace"],
                "name": metric["MetricName"],
                "dimensions": metric["Dimensions"],
            },
            **{key.lower(): value for key, value in stat.items() if key != "Metric"},
        }
    return told
