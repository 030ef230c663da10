"""SageMaker with endpoints that really serve, and what tests ask of them again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from local.backend import Backend
from local.endpoints.configs import Configs
from local.endpoints.invocation import Answer, Invocation
from local.endpoints.service import Endpoints
from local.models import Models
from local.registry import Registry
from local.sagemaker import SageMaker
from tests.local.endpoints import models

PATIENCE = 60.0  # seconds; a busy machine is slow
NAME = "dogs"


class Serving:
    """One server's SageMaker, as far as endpoints need it."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.sagemaker = SageMaker()
        configs = Configs(backend)
        self.endpoints = Endpoints(backend, self.sagemaker.call, configs)
        self.sagemaker.add(
            [Registry(backend), Models(backend), configs, self.endpoints, backend.tags]
        )

    def call(self, action: str, **request: Any) -> dict[str, Any]:
        return self.sagemaker.call(action, request)

    def config(self, name: str, handlers: str = models.ECHO, **changes: Any) -> str:
        """An endpoint configuration with a model of its own; `variant` changes its variant."""
        models.put_model(self.backend, name, handlers)
        variant: dict[str, Any] = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            "ContainerStartupHealthCheckTimeoutInSeconds": 60,
        } | changes.pop("variant", {})
        variants = changes.pop("variants", [variant])
        self.call(
            "CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=variants, **changes
        )
        return name

    def create(self, config: str, **more: Any) -> dict[str, Any]:
        self.call("CreateEndpoint", EndpointName=NAME, EndpointConfigName=config, **more)
        return self.settled()

    def update(self, config: str, **more: Any) -> dict[str, Any]:
        self.call("UpdateEndpoint", EndpointName=NAME, EndpointConfigName=config, **more)
        return self.settled()

    def describe(self) -> dict[str, Any]:
        return self.call("DescribeEndpoint", EndpointName=NAME)

    def settled(self) -> dict[str, Any]:
        """The endpoint when nothing is under way any more."""
        return self.until(lambda found: found["EndpointStatus"] in ("InService", "Failed", "gone"))

    def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while not holds(found := self.describe()):
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
        return found

    def ask(self, body: str = "woof", **more: Any) -> Answer:
        return self.endpoints.answering.answer(Invocation(NAME, body.encode(), **more))

    def said(self, body: str = "woof", **more: Any) -> str:
        """The words that an instance answered."""
        return self.ask(body, **more).reply.body.decode()

    def alarm(self, name: str) -> Any:
        """An alarm that a test may ring with `ring`."""
        cloudwatch = cloudwatch_backends[self.backend.account][self.backend.region]
        return cloudwatch.put_metric_alarm(
            name=name,
            namespace="n",
            metric_name="m",
            metric_data_queries=None,
            comparison_operator="GreaterThanThreshold",
            evaluation_periods=1,
            datapoints_to_alarm=None,
            period=60,
            threshold=1.0,
            statistic="Sum",
            extended_statistic=None,
            description="",
            dimensions=[],
            alarm_actions=[],
            ok_actions=[],
            insufficient_data_actions=[],
            treat_missing_data="missing",
            evaluate_low_sample_count_percentile="",
            threshold_metric_id="",
            unit=None,
            tags=[],
        )

    def close(self) -> None:
        """End every process, as when the server ends."""
        self.endpoints.close()
        for document in self.backend.store.list("Endpoint"):
            if served := self.endpoints.answering.close(document["EndpointName"]):
                served.traffic.serving.stop()


@dataclass
class Load:
    """Requests one after the other from some threads, until it is left; what was answered."""

    serving: Serving
    threads: int = 4
    answers: list[str] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._over = threading.Event()
        self._running = [threading.Thread(target=self._ask) for _ in range(self.threads)]
        for thread in self._running:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._running:
            thread.join()

    def await_answers(self, text: str, more: int = 1) -> None:
        """Until `text` was answered so many times more."""
        wanted = self.answers.count(text) + more
        deadline = time.monotonic() + PATIENCE
        while self.answers.count(text) < wanted:
            assert time.monotonic() < deadline, self.answers[-3:]
            time.sleep(0.01)

    def _ask(self) -> None:
        while not self._over.wait(0.005):
            try:
                self.answers.append(self.serving.said())
            except Exception as error:  # noqa: BLE001 - whatever it is, it was not an answer
                self.failures.append(error)
