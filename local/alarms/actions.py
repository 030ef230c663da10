"""What an alarm does when its state changes: a message to a topic, or a call of a function."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.alarms.transition import Change, queries_of, write_history
from local.events.services import Services
from local.iam.credentials import Credentials

logger = logging.getLogger(__name__)


class Actions:
    """Carries actions out in threads of its own: an evaluation never waits for them."""

    def __init__(self, credentials: Credentials) -> None:
        self._services = Services(credentials)
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="alarm-action")
        self._kinds: dict[str, Callable[[str, Change], None]] = {
            "sns": self._publish,
            "lambda": self._invoke,
            "autoscaling": _leave,
        }

    def __call__(self, arn: str, alarm: Any, change: Change) -> None:
        self._pool.submit(self._do, arn, alarm, change)

    def _do(self, arn: str, alarm: Any, change: Change) -> None:
        service = arn.split(":")[2] if arn.count(":") >= 5 else ""
        try:
            if service not in self._kinds:
                raise ValueError(f"the embedded AWS has no alarm actions of the service {service}")
            self._kinds[service](arn, change)
        except (BotoCoreError, ClientError, ValueError) as error:
            # As on AWS, a failed action shows in the history alone.
            logger.warning("the action %s of alarm %s failed: %s", arn, alarm.name, error)
            summary, outcome = f"Failed to execute action {arn}", "Failed"
        else:
            summary, outcome = f"Successfully executed action {arn}", "Succeeded"
        data = {"actionState": outcome, "notificationResource": arn}
        write_history(alarm, "Action", summary, data, time.time())

    def _publish(self, arn: str, change: Change) -> None:
        region = arn.split(":")[3]
        subject = f'{change.state["value"]}: "{change.alarm.name}" in {change.region}'
        self._services.client("sns", region).publish(
            TopicArn=arn, Subject=subject[:100], Message=json.dumps(sns_message(change))
        )

    def _invoke(self, arn: str, change: Change) -> None:
        region = arn.split(":")[3]
        event = {
            "source": "aws.cloudwatch",
            "alarmArn": change.alarm.alarm_arn,
            "accountId": change.account,
            "time": change.state["timestamp"],
            "region": change.region,
            "alarmData": change.detail(),
        }
        self._services.client("lambda", region).invoke(
            FunctionName=arn, InvocationType="Event", Payload=json.dumps(event)
        )


def _leave(arn: str, change: Change) -> None:
    """Scaling policies look at their alarms themselves, for as long as these are raised."""


def sns_message(change: Change) -> dict[str, Any]:
    """The message that CloudWatch publishes."""
    alarm = change.alarm
    message = {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": change.account,
        "NewStateValue": change.state["value"],
        "NewStateReason": change.state["reason"],
        "StateChangeTime": change.state["timestamp"],
        "Region": change.region,
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": change.previous["value"],
        "OKActions": alarm.ok_actions,
        "AlarmActions": alarm.alarm_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
    }
    if alarm.rule is not None:
        return {**message, "AlarmRule": alarm.rule}
    return {**message, "Trigger": _trigger(alarm)}


def _trigger(alarm: Any) -> dict[str, Any]:
    return {
        **(_metrics(alarm) if alarm.metric_data_queries else _metric(alarm)),
        "EvaluationPeriods": int(alarm.evaluation_periods),
        "ComparisonOperator": alarm.comparison_operator,
        "Threshold": float(alarm.threshold),
        "TreatMissingData": alarm.treat_missing_data or "missing",
    }


def _metric(alarm: Any) -> dict[str, Any]:
    return {
        "MetricName": alarm.metric_name,
        "Namespace": alarm.namespace,
        "StatisticType": "Statistic" if alarm.statistic else "ExtendedStatistic",
        "Statistic": alarm.statistic or alarm.extended_statistic,
        "Unit": alarm.unit,
        "Dimensions": _pairs({d.name: d.value for d in alarm.dimensions}),
        "Period": int(alarm.period),
    }


def _metrics(alarm: Any) -> dict[str, Any]:
    queries = queries_of(alarm)
    for query in queries:
        if "MetricStat" in query:
            metric = query["MetricStat"]["Metric"]
            metric["Dimensions"] = _pairs(metric["Dimensions"])
    period = next(q["MetricStat"]["Period"] for q in queries if "MetricStat" in q)
    return {"Metrics": queries, "Period": period}


def _pairs(dimensions: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in dimensions.items()]
