"""The compiled machines of several settings, and their tasks as requests with example values."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import settings
from local.workflows.intrinsics import parse_intrinsic
from settings import Settings
from statemachine.definition import KINDS, compile_machine

ENDPOINT_KINDS = ("real-time", "serverless", "asynchronous")
CASES = tuple(itertools.product(("local", "aws-example"), ENDPOINT_KINDS))
PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/breedline/7"
EXECUTION = "arn:aws:states:eu-west-1:123456789012:execution:breedline-deploy:a"
RUN = "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/breedline/execution/abcdefghijkl"
TRACKING = {
    "TargetValue": 70.0,
    "PredefinedMetricSpecification": {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    },
}
# Path -> what it may be when the machine runs.
EXAMPLES: Mapping[str, Any] = {
    "$$.Execution.Id": EXECUTION,
    "$$.Execution.Input.model_package_arn": PACKAGE,
    "$.Schedule": "rate(1 day)",
    "$.ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 2},
    "$.ScheduledActionName": "evening",
    "$.Timezone": "Europe/Berlin",
    "$.StartTime": "2026-01-01T00:00:00Z",
    "$.EndTime": "2027-01-01T00:00:00Z",
    "$before": {"exists": True},
    "$before.alias": "4",
    "$before.config": "breedline-v6-12345678",
    "$before.description": "Answers with model version 6",
    "$before.least[0]": 1,
    "$before.most[0]": 4,
    "$before.policies[0]": TRACKING,
    "$before.provisioned": 2,
    "$before.version": 6,
    "$candidate": 6,
    "$execution": RUN,
    "$failure.cause": "Rate exceeded",
    "$failure.error": "SageMaker.SageMakerException",
    "$failure.state": "CreateModel",
    "$function_version": "5",
    "$key": "data/12345678",
    "$live": 7,
    "$lock.holder": EXECUTION,
    "$metadata['smoke-samples']": "s3://bucket/samples",
    "$now.config": "breedline-v7-12345678",
    "$package.arn": PACKAGE,
    "$package.name": "breedline-v7-12345678",
    "$package.text": "7",
    "$package.version": 7,
    "$previous": RUN,
    "$rejected": True,
    "$request.cause": "data",
    "$request.event_id": "2fa3a1a8-3d33-4bd4-8c2f-6e2a0ef1a8c1",
    "$request.reason": "it takes cats for dogs",
    "$restored": "breedline-v6-12345678",
    "$run.execution": RUN,
    "$run.holder": EXECUTION,
    "$runs[0]": RUN,
    "$smoke": {"passed": 9, "failed": 0, "results": []},
    "$target": 70.0,
    "$unrestored": None,
    "$uri": "s3://bucket/data/dogs",
}


def with_kind(environment: str, kind: str) -> Settings:
    """An environment's settings for another kind of endpoint."""
    loaded = settings.load(environment)
    change: dict[str, Any] = {"kind": kind}
    return dataclasses.replace(loaded, endpoint=dataclasses.replace(loaded.endpoint, **change))


@functools.cache
def machines_of(environment: str, kind: str) -> dict[str, dict[str, Any]]:
    """The three machines; not to be changed."""
    loaded = with_kind(environment, kind)
    return {machine: compile_machine(machine, loaded) for machine in KINDS}


def states_of(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Every state with its name, and whether it stands inside a map."""
    for name, state in document["States"].items():
        yield name, state, False
        if state["Type"] == "Map":
            for inner, part in state["ItemProcessor"]["States"].items():
                yield inner, part, True


def tasks_of(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, state) for name, state, _ in states_of(document) if state["Type"] == "Task")


def action_of(task: dict[str, Any]) -> tuple[str, str]:
    """Service and action as the resource names them: sagemaker, createModel."""
    service, action = task["Resource"].split(":::")[1].removeprefix("aws-sdk:").split(":")
    return service, action


def example(value: Any) -> Any:
    """A payload template with its paths and functions evaluated over EXAMPLES."""
    if isinstance(value, dict):
        return {
            key.removesuffix(".$"): evaluate(part) if key.endswith(".$") else example(part)
            for key, part in value.items()
        }
    return [example(part) for part in value] if isinstance(value, list) else value


def evaluate(expression: str) -> Any:
    if expression.startswith("States."):
        return parse_intrinsic(expression).value_of(EXAMPLES.__getitem__)
    return EXAMPLES[expression]


def request_of(task: dict[str, Any]) -> dict[str, Any]:
    """What the service gets: the integrations write some fields as JSON."""
    request: dict[str, Any] = example(task["Parameters"])
    service, _ = action_of(task)
    if service == "sns" and isinstance(request["Message"], dict):
        request["Message"] = json.dumps(request["Message"])
    if service == "lambda" and isinstance(request.get("Payload"), dict):
        request["Payload"] = json.dumps(request["Payload"]).encode()
    return request
