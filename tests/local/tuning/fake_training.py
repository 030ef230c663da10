"""A stand-in for the training jobs service: it writes the documents that a real one would."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.backend import Backend
from local.errors import validation_error
from local.tuning import TuningJobs
from local.tuning.loop import OnMetric

METRIC = "validation:loss"
PATIENCE = 8  # seconds after which a test gives up


@dataclass
class Outcome:
    """What a training job does: its objective after each epoch, then its end."""

    objectives: list[float] = field(default_factory=list)
    failure: str = ""
    until_stopped: bool = False
    status: str = "Completed"


class FakeTrainingJobs:
    """Runs `behave(hyperparameters)` in a thread a job; remembers requests and stops."""

    def __init__(self, backend: Backend, behave: Callable[[dict[str, str]], Outcome]) -> None:
        self._backend = backend
        self._behave = behave
        self._stops: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._running = 0
        self.most_running = 0
        self.requests: list[dict[str, Any]] = []
        self.tuning_job_arns: set[str] = set()

    def create(
        self, request: dict[str, Any], tuning_job_arn: str, on_metric: OnMetric
    ) -> dict[str, Any]:
        name = request["TrainingJobName"]
        arn = self._backend.arn(f"training-job/{name}")
        document = {
            "TrainingJobName": name,
            "TrainingJobArn": arn,
            "TrainingJobStatus": "InProgress",
            "CreationTime": self._backend.now(),
        }
        self._backend.store.create("TrainingJob", name, document)
        with self._lock:
            self.requests.append(request)
            self.tuning_job_arns.add(tuning_job_arn)
            self._stops[name] = threading.Event()
            self._running += 1
            self.most_running = max(self.most_running, self._running)
        threading.Thread(target=self._run, args=(name, request, on_metric), daemon=True).start()
        return {"TrainingJobArn": arn}

    def call(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        assert action == "StopTrainingJob"
        name = request["TrainingJobName"]
        if self._backend.store.get("TrainingJob", name)["TrainingJobStatus"] != "InProgress":
            raise validation_error(f"{name} has ended already")
        self._stops[name].set()
        return {}

    @property
    def stopped(self) -> list[str]:
        return sorted(name for name, stop in self._stops.items() if stop.is_set())

    def _run(self, name: str, request: dict[str, Any], on_metric: OnMetric) -> None:
        outcome = self._behave(request["HyperParameters"])
        for epoch, objective in enumerate(outcome.objectives):
            on_metric("train:loss", -1.0, float(epoch))
            on_metric(METRIC, objective, float(epoch))
            self._backend.store.set("TrainingJob", name, _progress=epoch)
        if outcome.until_stopped:
            assert self._stops[name].wait(PATIENCE), f"nobody stopped {name}"
        self._finish(name, outcome)

    def _finish(self, name: str, outcome: Outcome) -> None:
        last = outcome.objectives[-1:]
        final = [{"MetricName": METRIC, "Value": v, "Timestamp": 0.0} for v in last]
        with self._lock:
            self._running -= 1
        status = "Stopped" if outcome.until_stopped else outcome.status
        self._backend.store.set(
            "TrainingJob",
            name,
            TrainingJobStatus="Failed" if outcome.failure else status,
            TrainingStartTime=self._backend.now(),
            TrainingEndTime=self._backend.now(),
            FinalMetricDataList=final,
            **({"FailureReason": outcome.failure} if outcome.failure else {}),
        )


@dataclass
class Tuning:
    """The service over its stand-in, spoken to as a client would."""

    backend: Backend
    jobs: FakeTrainingJobs
    service: TuningJobs

    def call(self, action: str, **request: Any) -> dict[str, Any]:
        return self.service.actions[action](request)

    def create(self, request: dict[str, Any]) -> str:
        self.service.actions["CreateHyperParameterTuningJob"](request)
        return str(request["HyperParameterTuningJobName"])

    def describe(self, name: str) -> dict[str, Any]:
        return self.call("DescribeHyperParameterTuningJob", HyperParameterTuningJobName=name)

    def trials(self, name: str, **request: Any) -> list[dict[str, Any]]:
        answer = self.call(
            "ListTrainingJobsForHyperParameterTuningJob",
            HyperParameterTuningJobName=name,
            **request,
        )
        return list(answer["TrainingJobSummaries"])

    def wait(self, name: str) -> dict[str, Any]:
        def ended(document: dict[str, Any]) -> bool:
            status = document["HyperParameterTuningJobStatus"]
            return status in ("Completed", "Failed", "Stopped")

        self.backend.store.wait("HyperParameterTuningJob", name, ended, timeout=PATIENCE)
        return self.describe(name)

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        return self.wait(self.create(request))


def definition(**changes: Any) -> dict[str, Any]:
    body = {
        "StaticHyperParameters": {"epochs": "3"},
        "AlgorithmSpecification": {
            "TrainingImage": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/train:1",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": METRIC, "Regex": "validation:loss=([0-9.]+)"}],
        },
        "RoleArn": "arn:aws:iam::123456789012:role/training",
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.xlarge",
            "InstanceCount": 1,
            "VolumeSizeInGB": 30,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
    return body | changes


def continuous(name: str, low: str, high: str, scaling: str = "Auto") -> dict[str, str]:
    return {"Name": name, "MinValue": low, "MaxValue": high, "ScalingType": scaling}


def request(name: str = "tune", jobs: int | None = 4, **config: Any) -> dict[str, Any]:
    """A small sound request; `config` replaces keys of HyperParameterTuningJobConfig."""
    limits = {"MaxParallelTrainingJobs": 1} | ({"MaxNumberOfTrainingJobs": jobs} if jobs else {})
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": METRIC},
            "ResourceLimits": limits,
            "ParameterRanges": {"ContinuousParameterRanges": [continuous("x", "-1", "1")]},
            "RandomSeed": 7,
            **config,
        },
        "TrainingJobDefinition": definition(),
    }
