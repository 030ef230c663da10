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
        {
            **_guard(settings, "errors-5xx", "The endpoint answered with 5xx", limits.max_errors),
            **_metric(settings, "Invocation5XXErrors"),
            "Statistic": "Sum",
        },
        {
            **_guard(settings, "errors-model", "The model failed on requests", limits.max_errors),
            "Metrics": _model_errors(settings),
        },
        {
            **_guard(
                settings,
                "latency",
                "The model answers slowly",
                limits.latency_p90_ms * MICROSECONDS,
            ),
            **_metric(settings, "ModelLatency"),
            "ExtendedStatistic": "p90",
        },
    ]
    return [*found, _drift(settings)] if has_drift_alarm(settings) else found


def has_drift_alarm(settings: Settings) -> bool:
    """Whether the settings say from which mean confidence on the data have drifted."""
    return settings.alarms.min_confidence > 0


def guard_names(settings: Settings) -> list[str]:
    """The alarms that roll an update of the endpoint back."""
    return [Names(settings).alarm(kind) for kind in GUARDS]


def _guard(settings: Settings, kind: str, text: str, threshold: float) -> dict[str, Any]:
    limits = settings.alarms
    return {
        **_common(settings, kind, f"{text}; rolls a rollout back."),
        "EvaluationPeriods": limits.evaluation_periods,
        "DatapointsToAlarm": limits.evaluation_periods,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": float(threshold),
    }


def _metric(settings: Settings, name: str) -> dict[str, Any]:
    return {**_named(settings, name), "Period": settings.alarms.period_seconds}


def _model_errors(settings: Settings) -> list[dict[str, Any]]:
    """What the model failed on, without what it rightly refused.

    SageMaker counts every answer outside 2xx as an error of the model, a caller's broken image
    too. Left are timeouts, lost connections and 5xx.
    """
    return [
        {
            "Id": "faults",
            "Label": "Model errors that are not the callers'",
            "Expression": "failed - FILL(refused, 0)",
            "ReturnData": True,
        },
        _sum(settings, "failed", "InvocationModelErrors"),
        _sum(settings, "refused", "Invocation4XXErrors"),
    ]


def _sum(settings: Settings, id_: str, name: str) -> dict[str, Any]:
    period = settings.alarms.period_seconds
    measured = {"Metric": _named(settings, name), "Period": period, "Stat": "Sum"}
    return {"Id": id_, "MetricStat": measured, "ReturnData": False}


def _named(settings: Settings, name: str) -> dict[str, Any]:
    return {
        "Namespace": "AWS/SageMaker",
        "MetricName": name,
        "Dimensions": [
            {"Name": "EndpointName", "Value": settings.endpoint_name},
            {"Name": "VariantName", "Value": VARIANT},
        ],
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
