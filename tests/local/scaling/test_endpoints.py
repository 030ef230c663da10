"""Real requests to real instances: traffic makes them more, its end makes them fewer."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from local.alarms import Alarms
from local.clock import Clock
from local.scaling import Scaling
from local.scaling.pace import Pace
from tests.local.endpoints.serving import NAME, PATIENCE, Serving

START = 1_800_000_000  # a whole minute
TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": f"endpoint/{NAME}/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
TRACKING = {
    "TargetValue": 30.0,  # a minute; five in ten seconds
    "ScaleOutCooldown": 60,
    "ScaleInCooldown": 60,
    "PredefinedMetricSpecification": {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    },
}


class Room:
    """An endpoint that serves, its alarms and its scaling, ten seconds for a minute."""

    def __init__(self, backend):
        self.at = 0.0
        self.backend = replace(backend, now=lambda: START + self.at)
        self.serving = Serving(self.backend)
        self.alarms = Alarms(self.backend, lambda *change: None)
        self.scaling = Scaling(self.backend, self.serving.sagemaker.call, Clock(), Pace(10))
        self.scaling.open()

    def ask(self, action, **request):
        return self.scaling.answer(action, {**TARGET, **request}, self.backend.region)

    def send(self, requests):
        """So many requests within the next ten seconds, measured when this returns."""
        self.at += 5
        before = self.measured()
        for _ in range(requests):
            self.serving.said()
        deadline = time.monotonic() + PATIENCE
        while self.measured() < before + requests:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        self.at += 5
        self.round()

    def measured(self):
        points = list(self.backend.metrics._backend.metric_data)
        return sum(p.sum for p in points if p.name == "Invocations")

    def round(self):
        self.alarms.evaluate(START + self.at)
        self.scaling.evaluate(START + self.at)

    def instances(self):
        """What serves, when the endpoint is at rest and scaling has seen it."""
        [variant] = self.serving.settled()["ProductionVariants"]
        self.round()
        return variant["CurrentInstanceCount"]


@pytest.fixture
def room(backend):
    opened = Room(backend)
    yield opened
    opened.serving.close()


def test_traffic_starts_an_instance_and_its_end_stops_one(room):
    room.serving.create(room.serving.config("one"))
    room.ask("RegisterScalableTarget", MinCapacity=1, MaxCapacity=2)
    room.ask(
        "PutScalingPolicy",
        PolicyName="load",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=TRACKING,
    )
    for _ in range(3):
        assert room.instances() == 1
        room.send(9)
    assert room.instances() == 2
    for _ in range(17):
        room.at += 10
        room.round()
    assert room.instances() == 1
    told = room.ask("DescribeScalingActivities")["ScalingActivities"]
    assert [activity["Description"][-2:] for activity in told] == ["1.", "2."]
    assert {activity["StatusCode"] for activity in told} == {"Successful"}
