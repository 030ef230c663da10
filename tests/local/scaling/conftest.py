"""Scaling over a real Backend with real alarms; endpoints and time are what the test says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from moto.cloudwatch.models import cloudwatch_backends

from local.alarms import Alarms
from local.alarms.moto_doors import REPLACED as ALARM_DOORS
from local.backend import Backend
from local.clock import Clock
from local.errors import validation_error
from local.scaling import Scaling
from local.scaling.moto_doors import REPLACED as SCALING_DOORS
from local.scaling.pace import Pace

ACCOUNT, REGION = "123456789012", "eu-west-1"
START = 1_800_000_000  # a whole minute
RESOURCE = "endpoint/dogs/variant/main"
TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": RESOURCE,
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
INVOCATIONS = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}


@pytest.fixture(autouse=True)
def moto_keeps_its_doors(monkeypatch) -> None:
    for owner, name in (*ALARM_DOORS, *SCALING_DOORS):
        monkeypatch.setattr(owner, name, getattr(owner, name, None), raising=False)


class Endpoints:
    """SageMaker's endpoints as scaling sees them; an update lasts until `settle`."""

    def __init__(self) -> None:
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.refusal = ""
        self.settles_at_once = True
        self.asked: list[int] = []
        self.actions = {
            "DescribeEndpoint": self._describe,
            "UpdateEndpointWeightsAndCapacities": self._update,
        }

    def make(self, name: str = "dogs", count: int = 1, **more: Any) -> None:
        variant = {
            "VariantName": "main",
            "DesiredInstanceCount": count,
            "CurrentInstanceCount": count,
        }
        told = {
            "EndpointName": name,
            "EndpointStatus": "InService",
            "ProductionVariants": [variant],
        }
        self.endpoints[name] = told | more

    def call(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        return self.actions[action](request)

    def settle(self, status: str = "InService", **more: Any) -> None:
        endpoint = self.endpoints["dogs"]
        endpoint.update(EndpointStatus=status, **more)
        if status == "InService":
            variant = endpoint["ProductionVariants"][0]
            variant["CurrentInstanceCount"] = variant["DesiredInstanceCount"]

    @property
    def count(self) -> int:
        if "dogs" not in self.endpoints:
            return 0
        return int(self.endpoints["dogs"]["ProductionVariants"][0]["DesiredInstanceCount"])

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointName"]
        if name not in self.endpoints:
            arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}"
            raise validation_error(f'Could not find endpoint "{arn}".')
        return self.endpoints[name]

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.refusal:
            raise validation_error(self.refusal)
        [wanted] = request["DesiredWeightsAndCapacities"]
        endpoint = self._describe(request)
        [variant] = endpoint["ProductionVariants"]
        assert wanted["VariantName"] == variant["VariantName"]
        variant["DesiredInstanceCount"] = wanted["DesiredInstanceCount"]
        self.asked.append(wanted["DesiredInstanceCount"])
        endpoint["EndpointStatus"] = "Updating"
        if self.settles_at_once:
            self.settle()
        return {"EndpointArn": "arn"}


@dataclass
class World:
    """`at` is the time in seconds after START; `run` lets it pass."""

    backend: Backend
    pace: Pace = field(default_factory=Pace)

    def __post_init__(self) -> None:
        self.at = 0.0
        self.load = 0.0  # invocations of all instances in a minute
        self.endpoints = Endpoints()
        self.endpoints.make()
        self.backend = replace(self.backend, now=lambda: START + self.at)
        self.moto = cloudwatch_backends[ACCOUNT][REGION]
        self.clock = Clock(wall=lambda: START + self.at)
        self.alarms = Alarms(self.backend, lambda *change: None)
        self.scaling = self._made()
        self.scaling.open()

    def _made(self) -> Scaling:
        call = self.endpoints.call
        return Scaling(self.backend, call, self.clock, self.pace, client=lambda: self)

    def ask(self, action: str, **request: Any) -> dict[str, Any]:
        named = {"ServiceNamespace": "sagemaker"} if action == "DescribeScalableTargets" else TARGET
        return self.scaling.answer(action, {**named, **request}, REGION)

    # What a client of boto3 is to scaling.
    def register_scalable_target(self, **request: Any) -> None:
        self.scaling.answer("RegisterScalableTarget", request, REGION)

    def deregister_scalable_target(self, **request: Any) -> None:
        self.scaling.answer("DeregisterScalableTarget", request, REGION)

    def register(self, minimum: int = 1, maximum: int = 4, **more: Any) -> None:
        request = {"MinCapacity": minimum, "MaxCapacity": maximum, **more}
        self.ask("RegisterScalableTarget", **request)

    def track(self, value: float = 100.0, name: str = "load", **more: Any) -> dict[str, Any]:
        """Put a policy, by default on invocations and without cooldowns."""
        configuration = {"TargetValue": value, "ScaleOutCooldown": 0, "ScaleInCooldown": 0, **more}
        if "CustomizedMetricSpecification" not in more:
            configuration["PredefinedMetricSpecification"] = INVOCATIONS
        return self.ask(
            "PutScalingPolicy",
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=configuration,
        )

    def run(self, seconds: float, every: float = 10.0) -> int:
        """Let time pass, with traffic as `load` says; the number of instances at its end."""
        end = self.at + seconds
        while self.at < end:
            self.at += every
            if self.load:
                self._measure(every)
            self.alarms.evaluate(START + self.at)
            self.scaling.evaluate(START + self.at)
        return self.endpoints.count

    def _measure(self, seconds: float) -> None:
        each = self.load * seconds / 60 / max(1, self.endpoints.count)
        dimensions = {"EndpointName": "dogs", "VariantName": "main"}
        metric = ("AWS/SageMaker", "InvocationsPerInstance", each, dimensions)
        self.backend.metrics.put(*metric, START + self.at - seconds / 2)

    def activities(self, **request: Any) -> list[dict[str, Any]]:
        answer = self.ask("DescribeScalingActivities", **request)
        found: list[dict[str, Any]] = answer["ScalingActivities"]
        return found

    def target(self) -> dict[str, Any]:
        [target] = self.ask("DescribeScalableTargets")["ScalableTargets"]
        return dict(target)


@pytest.fixture
def world(backend) -> World:
    return World(backend)


@pytest.fixture
def quick_world(backend) -> World:
    """A world in which a minute of scaling lasts ten seconds."""
    return World(backend, Pace(10))
