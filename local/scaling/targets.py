"""Scalable targets: registered, changed, described, deregistered."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.moto_api._internal import mock_random

from local.backend import Backend
from local.errors import ApiError, validation_error
from local.scaling.activities import page
from local.scaling.records import DIMENSION, Target, switches
from local.scaling.variants import Variants, is_asynchronous, variant_of

RESOURCE = re.compile(r"endpoint/[^/]+/variant/[^/]+")
ROLE = (
    "role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)


class Targets:
    """The targets by resource. `lock` is held by whoever changes one.

    What the journal brings back is not `checked`: it was accepted once, and the endpoints that it
    names may not be there again yet.
    """

    def __init__(self, backend: Backend, variants: Variants) -> None:
        self._backend = backend
        self._variants = variants
        self._targets: dict[str, Target] = {}
        self.lock = threading.RLock()
        self.checked = False

    def all(self) -> list[Target]:
        return list(self._targets.values())

    def find(self, request: Mapping[str, Any]) -> Target:
        """The target that a request names; raises ObjectNotFoundException."""
        target = self._targets.get(request["ResourceId"])
        if target is None:
            raise missing("scalable target registered", request)
        return target

    def arn(self, kind: str, resource: str, name: str) -> str:
        """A new ARN of a `scalingPolicy` or a `scheduledAction`; the journal draws it again."""
        place = f"{self._backend.region}:{self._backend.account}"
        unique = mock_random.uuid4()
        return f"arn:aws:autoscaling:{place}:{kind}:{unique}:resource/sagemaker/{resource}:{name}"

    @property
    def cloudwatch(self) -> Any:
        """moto's CloudWatch, which holds the alarms."""
        return cloudwatch_backends[self._backend.account][self._backend.region]

    def now(self) -> float:
        return self._backend.now()

    def register(self, request: dict[str, Any]) -> dict[str, Any]:
        """RegisterScalableTarget, which also changes a registered one."""
        resource = request["ResourceId"]
        _check_resource(resource)
        if self.checked:
            self._check_variant(resource, request.get("MinCapacity"))
        with self.lock:
            target = self._targets.get(resource)
            limits = _limits(request, target)
            if target is None:
                target = self._new(resource, request, limits)
                self._targets[resource] = target
            target.minimum, target.maximum = limits
            target.role = request.get("RoleARN", target.role)
            if "SuspendedState" in request:
                target.suspended = switches(request["SuspendedState"])
            target.course.limited = self.checked
        return {"ScalableTargetARN": target.arn}

    def deregister(self, request: dict[str, Any]) -> dict[str, Any]:
        """DeregisterScalableTarget: policies, their alarms and scheduled actions go with it."""
        with self.lock:
            if request["ResourceId"] not in self._targets:
                raise missing("scalable target found", request)
            target = self._targets.pop(request["ResourceId"])
            alarms = [name for policy in target.policies.values() for name in policy.alarms]
            self.cloudwatch.delete_alarms(alarms)
        return {}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeScalableTargets."""
        asked = request.get("ResourceIds")
        chosen = [t for t in self.all() if not asked or t.resource in asked]
        return page("ScalableTargets", [_described(target) for target in chosen], request)

    def named(self, request: Mapping[str, Any]) -> Iterable[Target]:
        """The targets whose policies or actions a Describe… request asks for."""
        return [t for t in self.all() if request.get("ResourceId") in (None, t.resource)]

    def _new(self, resource: str, request: Mapping[str, Any], limits: tuple[int, int]) -> Target:
        place = f"{self._backend.region}:{self._backend.account}"
        unique = mock_random.get_random_string(length=36, lower_case=True)
        return Target(
            resource=resource,
            arn=f"arn:aws:application-autoscaling:{place}:scalable-target/{unique}",
            role=f"arn:aws:iam::{self._backend.account}:{ROLE}",
            created=self.now(),
            minimum=limits[0],
            maximum=limits[1],
            suspended=switches(None),
        )

    def _check_variant(self, resource: str, minimum: int | None) -> None:
        _, name, _, variant = resource.split("/")
        endpoint = self._variants.endpoint(name)
        if endpoint is None or variant_of(endpoint, variant) is None:
            raise validation_error(
                f"SageMaker endpoint variant doesn't exist, or has no instances: {resource}"
            )
        if minimum is not None and minimum < 1 and not is_asynchronous(endpoint):
            raise validation_error(
                f"MinCapacity is {minimum}; a variant keeps at least 1 instance unless its "
                "endpoint is asynchronous."
            )


def missing(what: str, request: Mapping[str, Any], more: str = "") -> ApiError:
    """AWS's words for what is not registered."""
    return ApiError(
        "ObjectNotFoundException",
        f"No {what} for service namespace: {request['ServiceNamespace']}, resource ID: "
        f"{request['ResourceId']}, scalable dimension: {request['ScalableDimension']}{more}",
    )


def _check_resource(resource: str) -> None:
    if not RESOURCE.fullmatch(resource):
        raise validation_error(
            f"The embedded AWS scales endpoint/NAME/variant/VARIANT ({DIMENSION}), not "
            f"'{resource}'."
        )


def _limits(request: Mapping[str, Any], target: Target | None) -> tuple[int, int]:
    minimum = request.get("MinCapacity", target.minimum if target else None)
    maximum = request.get("MaxCapacity", target.maximum if target else None)
    if minimum is None or maximum is None:
        raise validation_error("A new scalable target needs both MinCapacity and MaxCapacity.")
    check_limits(minimum, maximum)
    return minimum, maximum


def check_limits(minimum: int, maximum: int) -> None:
    """Raise a ValidationException unless 0 <= minimum <= maximum."""
    if minimum < 0:
        raise validation_error(f"MinCapacity is {minimum}; it must be 0 or more.")
    if maximum < minimum:
        raise validation_error(
            f"Maximum capacity cannot be less than minimum capacity: {maximum} is less than "
            f"{minimum}."
        )


def _described(target: Target) -> dict[str, Any]:
    return {
        **target.names,
        "MinCapacity": target.minimum,
        "MaxCapacity": target.maximum,
        "RoleARN": target.role,
        "CreationTime": target.created,
        "SuspendedState": dict(target.suspended),
        "ScalableTargetARN": target.arn,
    }
