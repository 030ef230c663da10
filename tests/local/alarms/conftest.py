"""Alarms over a real Backend, with the actions written down and a time that the test sets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from moto.cloudwatch.models import cloudwatch_backends

from local.alarms import Alarms
from local.alarms.moto_doors import REPLACED
from local.backend import Backend

ACCOUNT, REGION = "123456789012", "eu-west-1"
START = 1_800_000_000  # a whole minute


@pytest.fixture(autouse=True)
def moto_keeps_its_alarms(monkeypatch) -> None:
    for owner, name in REPLACED:
        monkeypatch.setattr(owner, name, getattr(owner, name))


@dataclass
class World:
    """Alarms that are judged when the test says so."""

    backend: Backend
    actions: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.at = 0.0  # seconds after START, for what asks the clock
        backend = replace(self.backend, now=lambda: START + self.at)
        self.alarms = Alarms(backend, self._act)
        self.moto = cloudwatch_backends[ACCOUNT][REGION]

    def _act(self, arn: str, alarm: Any, change: Any) -> None:
        self.actions.append((arn, change.state["value"]))

    def put(self, name: str = "errors", **given: Any) -> Any:
        request = {
            "namespace": "AWS/SageMaker",
            "metric_name": "Errors",
            "comparison_operator": "GreaterThanThreshold",
            "evaluation_periods": 1,
            "period": 10,
            "threshold": 1.0,
            "statistic": "Sum",
            "description": "Too many",
            "dimensions": [{"Name": "EndpointName", "Value": "dogs"}],
            "alarm_actions": ["arn:alarm"],
            "ok_actions": ["arn:ok"],
        }
        return self.moto.put_metric_alarm(name=name, **request | given)

    def point(self, value: float, at: float, endpoint: str = "dogs", unit: str = "None") -> None:
        metric = ("AWS/SageMaker", "Errors", value, {"EndpointName": endpoint})
        self.backend.metrics.put(*metric, START + at, unit)

    def state(self, at: float, name: str = "errors") -> str:
        self.alarms.evaluate(START + at)
        return str(self.moto.alarms[name].state_value)


@pytest.fixture
def world(backend) -> World:
    return World(backend)
