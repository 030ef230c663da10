"""The CloudWatch alarms: three that guard a rollout, and one that tells of drift.

`alarms(settings)` gives PutMetricAlarm requests. The guards exist before any endpoint names them:
SageMaker refuses an update whose rollback alarms are missing.
"""

from __future__ import annotations

from typing import Any

from settings import Settings
from statemachine.names import VARIANT, Names

GUARDS = ("errors-5xx", "errors-model", "latency")
DRIFT = "drift"
MICROSECONDS = 1_000  # in a millisecond; SageMaker's latencies are in microseconds


def alarms(settings: Settings) -> list[dict[str, Any]]:
    """All alarms of the endpoint, the drift alarm only where the settings give a limit."""
    limits = settings.alarms
    found = [
        _guard(
            settings,
            "errors-5xx",
            "The endpoint answered with 5xx",
            {"MetricName": "Invocation5XXErrors", "Statistic": "Sum"},
            limits.max_errors,
        ),
        _guard(
            settings,
            "errors-model",
            "The model failed on requests",
            {"MetricName": "InvocationModelErrors", "Statistic": "Sum"},
            limits.max_errors,
        ),
        _guard(
            settings,
            "latency",
            "The model answers slowly",
            {"MetricName": "ModelLatency", "ExtendedStatistic": "p90"},
            limits.latency_p90_ms * MICROSECONDS,
        ),
    ]
    return [*found, _drift(settings)] if has_drift_alarm(settings) else found


def has_drift_alarm(settings: Settings) -> bool:
    """Whether the settings say from which mean confidence on the data have drifted."""
    return settings.alarms.min_confidence > 0


def guard_names(settings: Settings) -> list[str]:
    """The alarms that roll an update of the endpoint back."""
    return [Names(settings).alarm(kind) for kind in GUARDS]


def _guard(
    settings: Settings, kind: str, text: str, metric: dict[str, str], threshold: float
) -> dict[str, Any]:
    limits = settings.alarms
    return {
        **_common(settings, kind, f"{text}; rolls a rollout back."),
        **metric,
        "Namespace": "AWS/SageMaker",
        "Dimensions": [
            {"Name": "EndpointName", "Value": settings.endpoint_name},
            {"Name": "VariantName", "Value": VARIANT},
        ],
        "Period": limits.period_seconds,
        "EvaluationPeriods": limits.evaluation_periods,
        "DatapointsToAlarm": limits.evaluation_periods,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": float(threshold),
    }


def _drift(settings: Settings) -> dict[str, Any]:
    limits = settings.alarms
    return {
        **_common(settings, DRIFT, "The model has become unsure of its answers; retrains."),
        "Namespace": "Breedline",
        "MetricName": "Confidence",
        "Statistic": "Average",
        "Dimensions": [{"Name": "Endpoint", "Value": settings.endpoint_name}],
        "Period": limits.drift_period_seconds,
        "EvaluationPeriods": limits.drift_periods,
        "DatapointsToAlarm": limits.drift_periods,
        "ComparisonOperator": "LessThanThreshold",
        "Threshold": limits.min_confidence,
    }


def _common(settings: Settings, kind: str, text: str) -> dict[str, Any]:
    names = Names(settings)
    return {
        "AlarmName": names.alarm(kind),
        "AlarmDescription": text,
        "ActionsEnabled": True,
        "AlarmActions": [names.topic_arn],
        # An endpoint that nobody asks is well.
        "TreatMissingData": "notBreaching",
    }
