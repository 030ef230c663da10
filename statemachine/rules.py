"""The EventBridge rules: what starts a deployment or a retraining, and who is told of failures.

`rules(settings)` gives values. Every target has a retry policy and a dead-letter queue, because
EventBridge delivers at least once, perhaps twice, and gives up in silence otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from settings import Settings
from statemachine.alarms import DRIFT, has_drift_alarm
from statemachine.names import Names
from statemachine.promotion import (
    DETAIL_TYPE,
    SOURCE,
    bus_arn,
    gives_away,
    takes,
)
from statemachine.promotion import MACHINE as PROMOTE

KINDS = ("deploy", "rollback", "retrain")
EVENT = {"id": "$.id", "time": "$.time"}
# EventBridge writes <variables> that stand alone as JSON, quotes included.
DEPLOY_INPUT = '{"model_package_arn": <arn>}'
DATA_INPUT = (
    '{"cause": "data", "data_uri": "s3://<bucket>/<key>", "data_version": <etag>, '
    '"event_id": <id>, "event_time": <time>}'
)
PIPELINE_MESSAGE = '{"event": "PipelineFailed", "execution": <execution>, "status": <status>}'
WORKFLOW_MESSAGE = (
    '{"event": "WorkflowFailed", "state_machine": <machine>, "execution": <execution>, '
    '"status": <status>}'
)


@dataclass(frozen=True)
class Rule:
    """One rule and its targets in the form of PutTargets; it has a pattern or a schedule."""

    name: str
    description: str
    enabled: bool
    targets: tuple[Mapping[str, Any], ...]
    pattern: Mapping[str, Any] | None = None
    schedule: str | None = None


def rules(settings: Settings) -> list[Rule]:
    """All rules of one environment; a schedule or a promotion where the settings have one."""
    found = [
        _approval(settings),
        _data(settings),
        _drift(settings),
        _pipeline_failed(settings),
        _workflow_failed(settings),
    ]
    if settings.triggers.retrain_schedule:
        found.append(_schedule(settings))
    if takes(settings):
        found.append(_promotion(settings))
    if gives_away(settings):
        found.append(_forwarding(settings))
    return found


def _approval(settings: Settings) -> Rule:
    return Rule(
        Names(settings).rule("approval"),
        "An approved model package deploys itself.",
        settings.triggers.deploy_on_approval,
        (_start(settings, "deploy", {"arn": "$.detail.ModelPackageArn"}, DEPLOY_INPUT),),
        pattern=_approved(settings.aws.account_id, settings.pipeline.model_package_group),
    )


def _promotion(settings: Settings) -> Rule:
    """What is approved there arrives here: forwarded, or on the bus that both share."""
    given = settings.promotion
    return Rule(
        Names(settings).rule("promotion"),
        f"A version approved in {given.from_group} is promoted and waits for approval.",
        True,
        (_start(settings, PROMOTE, {"arn": "$.detail.ModelPackageArn"}, DEPLOY_INPUT),),
        pattern=_approved(given.from_account, given.from_group),
    )


def _forwarding(settings: Settings) -> Rule:
    """A bus takes an event as it is, so that nothing is transformed."""
    group, taker = settings.pipeline.model_package_group, settings.promotion.to_account
    target = {"Id": "taker", "Arn": bus_arn(settings, taker)}
    delivery = {k: v for k, v in _delivery(settings, {}, "").items() if k != "InputTransformer"}
    return Rule(
        Names(settings).rule("forwarding"),
        f"The account {taker} is told of approved model packages.",
        True,
        ({**target, "RoleArn": Names(settings).role("events"), **delivery},),
        pattern=_approved(settings.aws.account_id, group),
    )


def _approved(account: str, group: str) -> dict[str, Any]:
    """A group of the same name may be in the account that promotes to ours."""
    detail = {"ModelPackageGroupName": [group], "ModelApprovalStatus": ["Approved"]}
    origin = {"account": [account], "source": [SOURCE]}
    return {**origin, "detail-type": [DETAIL_TYPE], "detail": detail}


def _data(settings: Settings) -> Rule:
    triggers = settings.triggers
    paths = {
        "bucket": "$.detail.bucket.name",
        "key": "$.detail.object.key",
        "etag": "$.detail.object.etag",
        **EVENT,
    }
    return Rule(
        Names(settings).rule("data"),
        f"A complete data set ({triggers.marker} was written) retrains the model.",
        triggers.retrain_on_data,
        (_start(settings, "retrain", paths, DATA_INPUT),),
        pattern={
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {
                "bucket": {"name": [settings.bucket]},
                "object": {"key": [{"wildcard": f"{triggers.data_prefix}/*/{triggers.marker}"}]},
            },
        },
    )


def _schedule(settings: Settings) -> Rule:
    return Rule(
        Names(settings).rule("schedule"),
        "The model is retrained by the calendar.",
        True,
        (_start(settings, "retrain", EVENT, _caused_by("schedule")),),
        schedule=settings.triggers.retrain_schedule,
    )


def _drift(settings: Settings) -> Rule:
    names = Names(settings)
    return Rule(
        names.rule("drift"),
        "The drift alarm retrains the model.",
        settings.triggers.retrain_on_drift and has_drift_alarm(settings),
        (_start(settings, "retrain", EVENT, _caused_by("drift")),),
        pattern={
            "source": ["aws.cloudwatch"],
            "detail-type": ["CloudWatch Alarm State Change"],
            "detail": {"alarmName": [names.alarm(DRIFT)], "state": {"value": ["ALARM"]}},
        },
    )


def _pipeline_failed(settings: Settings) -> Rule:
    names = Names(settings)
    paths = {
        "execution": "$.detail.pipelineExecutionArn",
        "status": "$.detail.currentPipelineExecutionStatus",
    }
    return Rule(
        names.rule("pipeline-failed"),
        "A failed execution of the pipeline is told.",
        True,
        (_tell(settings, paths, PIPELINE_MESSAGE),),
        pattern={
            "source": ["aws.sagemaker"],
            "detail-type": ["SageMaker Model Building Pipeline Execution Status Change"],
            "detail": {
                "pipelineArn": [names.pipeline_arn],
                "currentPipelineExecutionStatus": ["Failed"],
            },
        },
    )


def _workflow_failed(settings: Settings) -> Rule:
    names = Names(settings)
    paths = {
        "machine": "$.detail.stateMachineArn",
        "execution": "$.detail.executionArn",
        "status": "$.detail.status",
    }
    return Rule(
        names.rule("workflow-failed"),
        "A failed deployment, rollback or retraining is told, also where it could not tell itself.",
        True,
        (_tell(settings, paths, WORKFLOW_MESSAGE),),
        pattern={
            "source": ["aws.states"],
            "detail-type": ["Step Functions Execution Status Change"],
            "detail": {
                "stateMachineArn": [names.state_machine_arn(kind) for kind in _kinds(settings)],
                "status": ["FAILED", "TIMED_OUT", "ABORTED"],
            },
        },
    )


def _kinds(settings: Settings) -> tuple[str, ...]:
    return (*KINDS, PROMOTE) if takes(settings) else KINDS


def _caused_by(cause: str) -> str:
    known = json.dumps({"cause": cause, "data_uri": None, "data_version": None})
    return f'{known[:-1]}, "event_id": <id>, "event_time": <time>}}'


def _start(settings: Settings, kind: str, paths: Mapping[str, str], form: str) -> dict[str, Any]:
    """The target that starts a state machine."""
    names = Names(settings)
    return {
        "Id": kind,
        "Arn": names.state_machine_arn(kind),
        "RoleArn": names.role("events"),
        **_delivery(settings, paths, form),
    }


def _tell(settings: Settings, paths: Mapping[str, str], form: str) -> dict[str, Any]:
    """The target that sends a notification; the topic's own policy lets EventBridge publish."""
    return {
        "Id": "notify",
        "Arn": Names(settings).topic_arn,
        **_delivery(settings, paths, form),
    }


def _delivery(settings: Settings, paths: Mapping[str, str], form: str) -> dict[str, Any]:
    triggers = settings.triggers
    return {
        "InputTransformer": {"InputPathsMap": dict(paths), "InputTemplate": form},
        "RetryPolicy": {
            "MaximumRetryAttempts": triggers.max_event_retries,
            "MaximumEventAgeInSeconds": triggers.max_event_age_seconds,
        },
        "DeadLetterConfig": {"Arn": Names(settings).queue_arn},
    }
