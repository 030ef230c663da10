"""Application Auto Scaling's requests about SageMaker, led past moto to ours.

moto stores what other services scale, and goes on to.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.core.exceptions import JsonRESTError
from moto.core.utils import camelcase_to_underscores

from local.errors import ApiError
from local.scaling.records import NAMESPACE

ACTIONS = (
    "RegisterScalableTarget",
    "DeregisterScalableTarget",
    "DescribeScalableTargets",
    "PutScalingPolicy",
    "DeleteScalingPolicy",
    "DescribeScalingPolicies",
    "PutScheduledAction",
    "DeleteScheduledAction",
    "DescribeScheduledActions",
    "DescribeScalingActivities",
)
METHODS = {action: camelcase_to_underscores(action) for action in ACTIONS}
REPLACED: tuple[tuple[Any, str], ...] = (
    *((ApplicationAutoScalingResponse, method) for method in METHODS.values()),
    (ApplicationAutoscalingBackend, "describe_scalable_targets"),
)
ORIGINAL = {(owner, name): getattr(owner, name, None) for owner, name in REPLACED}
Answer = Callable[[str, dict[str, Any], str], dict[str, Any]]
Registered = Callable[[], list[Any]]


def lead_moto(answer: Answer, registered: Registered) -> None:
    """Let `answer` (action, request, region) answer what is about SageMaker.

    Other services ask moto for what is `registered`; they are given ours.
    """
    for action, method in METHODS.items():
        setattr(ApplicationAutoScalingResponse, method, _door(action, method, answer))
    ApplicationAutoscalingBackend.describe_scalable_targets = _targets(registered)


def _targets(registered: Registered) -> Callable[..., list[Any]]:
    original: Any = ORIGINAL[ApplicationAutoscalingBackend, "describe_scalable_targets"]

    def describe(
        backend: Any, namespace: str, r_ids: list[str] | None, dimension: str | None
    ) -> list[Any]:
        if namespace != NAMESPACE:
            others: list[Any] = original(backend, namespace, r_ids, dimension)
            return others
        return [target for target in registered() if not r_ids or target.resource in r_ids]

    return describe


def _door(action: str, method: str, answer: Answer) -> Callable[[Any], str]:
    def door(response: Any) -> str:
        request = json.loads(response.body or "{}")
        if request.get("ServiceNamespace") != NAMESPACE:
            return _by_moto(method, response)
        try:
            return json.dumps(answer(action, request, response.region))
        except ApiError as error:
            raise JsonRESTError(error.code, error.message) from error

    return door


def _by_moto(method: str, response: Any) -> str:
    original = ORIGINAL[ApplicationAutoScalingResponse, method]
    if original is None:  # moto knows no activities
        return json.dumps({"ScalingActivities": []})
    answer: str = original(response)
    return answer
