"""A whole embedded SageMaker whose jobs are scripted: they end as each test says, at once."""

from __future__ import annotations

import itertools
import json
import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest
from moto.sqs.models import sqs_backends

from local.backend import Backend
from local.errors import ApiError, not_found
from local.models import Models
from local.pipelines.service import Pipelines
from local.pipelines.steps import JOB_TYPES
from local.registry import Registry
from local.sagemaker import SageMaker

ROLE = "arn:aws:iam::123456789012:role/pipeline"
ENDED = ("Succeeded", "Failed", "Stopped")


class ScriptedJobs:
    """Jobs that end as scripted. A script is a list of endings, one for each job of a step.

    An ending: "Completed"; "Hang" (until stopped or released); {"Failed": reason};
    {"Refused": [code, status]}; {"Completed": {output name: {file: JSON}}}.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.scripts: dict[str, list[Any]] = {}
        self.requests: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.started: list[str] = []
        self._lock = threading.Lock()
        self.actions: dict[str, Any] = {
            "ListTrainingJobsForHyperParameterTuningJob": lambda request: {
                "TrainingJobSummaries": [{"TrainingJobName": "best", "SortedBy": request["SortBy"]}]
            }
        }
        for job in JOB_TYPES.values():
            self.actions[f"Create{job.kind}"] = self._creator(job)
            self.actions[f"Describe{job.kind}"] = self._describer(job)
            self.actions[f"Stop{job.kind}"] = self._stopper(job)

    def _creator(self, job):
        def create(request: dict[str, Any]) -> Any:
            name = request[job.name_field]
            with self._lock:
                step = self._step_of(name)
                self.requests[step].append(request)
                self.started.append(step)
                script = self.scripts.get(step, [])
                ending = script.pop(0) if script else "Completed"
            if isinstance(ending, dict) and "Refused" in ending:
                raise ApiError(ending["Refused"][0], "refused by the script", ending["Refused"][1])
            return self._run(job, name, request, ending)

        return create

    def _run(self, job, name, request, ending):
        kind = {"HyperParameterTuningJob": "hyper-parameter-tuning-job"}
        words = kind.get(job.kind, job.kind.replace("Job", "-job").lower())
        arn = self._backend.arn(f"{words}/{name}")
        document = request | {f"{job.kind}Arn": arn, job.status_field: "InProgress"}
        document |= ANSWERS.get(job.kind, {})
        if job.kind == "TrainingJob":
            artifacts = f"{request['OutputDataConfig']['S3OutputPath']}/{name}/output/model.tar.gz"
            document["ModelArtifacts"] = {"S3ModelArtifacts": artifacts}
            bucket, _, key = artifacts.removeprefix("s3://").partition("/")
            self._backend.objects.write(bucket, key, b"a model")
        self._backend.store.create(job.kind, name, document)
        if ending != "Hang":
            self._end(job, name, request, ending)
        return {f"{job.kind}Arn": arn}

    def _end(self, job, name, request, ending) -> None:
        fields: dict[str, Any] = {job.status_field: "Completed"}
        if isinstance(ending, dict) and "Failed" in ending:
            fields = {job.status_field: "Failed", "FailureReason": ending["Failed"]}
        elif isinstance(ending, dict):
            self._write_outputs(request, ending["Completed"])
        self._backend.store.set(job.kind, name, **fields)

    def _write_outputs(self, request, outputs) -> None:
        for output in request["ProcessingOutputConfig"]["Outputs"]:
            folder = output["S3Output"]["S3Uri"]
            for file, content in outputs.get(output["OutputName"], {}).items():
                bucket, _, key = f"{folder}/{file}".removeprefix("s3://").partition("/")
                self._backend.objects.write(bucket, key, json.dumps(content).encode())

    def _describer(self, job):
        def describe(request: dict[str, Any]) -> Any:
            document = self._backend.store.find(job.kind, request[job.name_field])
            if document is None:
                raise not_found(f"Requested resource not found: {request[job.name_field]}")
            return document

        return describe

    def _stopper(self, job):
        def stop(request: dict[str, Any]) -> Any:
            name = request[job.name_field]
            self._backend.store.set(job.kind, name, **{job.status_field: "Stopped"})
            return {}

        return stop

    @staticmethod
    def _step_of(name: str) -> str:
        """The step's name in `pipelines-<id>-<step>-<random>` or `<id>-<step>-<random>`."""
        parts = name.removeprefix("pipelines-").split("-")
        return "-".join(parts[1:-1])

    def release(self, step: str) -> None:
        """Complete the hanging jobs of a step."""
        for job in JOB_TYPES.values():
            for document in self._backend.store.list(job.kind):
                name = document[job.name_field]
                if self._step_of(name) == step and document[job.status_field] == "InProgress":
                    self._backend.store.set(job.kind, name, **{job.status_field: "Completed"})


ANSWERS = {
    "HyperParameterTuningJob": {
        "BestTrainingJob": {
            "TrainingJobName": "best",
            "TunedHyperParameters": {"learning_rate": "0.01"},
        }
    }
}


class World:
    """The services over one backend, and short ways to drive an execution to its end."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.jobs = ScriptedJobs(backend)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.functions: dict[str, Any] = {}
        self._tokens = itertools.count()
        backend.events.emit = self._note  # type: ignore[method-assign]
        self.open()

    def _note(
        self,
        detail_type: str,
        detail: dict[str, Any],
        resources: Sequence[str],
        source: str = "aws.sagemaker",
    ) -> None:
        self.events.append((detail_type, detail))

    def open(self) -> None:
        """Put the services together, as a starting server does."""
        self.sagemaker = SageMaker()
        pipelines = Pipelines(self.backend, self.sagemaker.call, self._invoke)
        services: list[Any] = [
            self.jobs,
            Registry(self.backend),
            Models(self.backend),
            self.backend.tags,
        ]
        self.sagemaker.add([pipelines, *services])
        pipelines.recover()

    def _invoke(self, arn: str, payload: dict[str, Any]) -> Any:
        return self.functions[arn](payload)

    def call(self, action: str, **request: Any) -> dict[str, Any]:
        if action in TOKENED:
            request.setdefault("ClientRequestToken", f"{next(self._tokens):040d}")
        return self.sagemaker.call(action, request)

    def create(self, definition: dict[str, Any], name: str = "P") -> Any:
        text = json.dumps({"Version": "2020-12-01", **definition})
        answer = self.call(
            "CreatePipeline", PipelineName=name, PipelineDefinition=text, RoleArn=ROLE
        )
        return answer["PipelineArn"]

    def start(self, name: str = "P", parameters: dict[str, str] | None = None, **more: Any) -> Any:
        pairs = [{"Name": k, "Value": v} for k, v in (parameters or {}).items()]
        request = {"PipelineName": name, "PipelineParameters": pairs, **more}
        return self.call("StartPipelineExecution", **request)["PipelineExecutionArn"]

    def wait(self, arn: str) -> dict[str, Any]:
        return self.backend.store.wait(
            "PipelineExecution", arn, lambda d: d["PipelineExecutionStatus"] in ENDED, timeout=20
        )

    def wait_for_step(self, arn: str, step: str, **fields: Any) -> dict[str, Any]:
        """Wait until the step has begun and has these fields."""
        steps = self.backend.store
        with steps._changed:
            steps._changed.wait_for(lambda: steps.find(STEP, f"{arn}/{step}"), timeout=20)
        return steps.wait(
            STEP, f"{arn}/{step}", lambda d: all(d.get(k) == v for k, v in fields.items()), 20
        )

    def run(self, definition: dict[str, Any], parameters=None) -> Any:
        self.create(definition)
        arn = self.start(parameters=parameters)
        self.wait(arn)
        return arn

    def describe(self, arn: str) -> dict[str, Any]:
        return self.call("DescribePipelineExecution", PipelineExecutionArn=arn)

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        """Steps by name, in the order in which they started."""
        answer = self.call(
            "ListPipelineExecutionSteps", PipelineExecutionArn=arn, SortOrder="Ascending"
        )
        return {step["StepName"]: step for step in answer["PipelineExecutionSteps"]}


STEP = "PipelineExecutionStep"
TOKENED = (
    "CreatePipeline",
    "DeletePipeline",
    "StartPipelineExecution",
    "StopPipelineExecution",
    "RetryPipelineExecution",
)


@pytest.fixture
def world(backend: Backend) -> World:
    for account in list(sqs_backends.values()):
        account.reset()
    return World(backend)


def training(name: str, **more: Any) -> dict[str, Any]:
    """A Training step with the least that the API asks for; `more` goes into its Arguments."""
    arguments = {
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 10,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "RoleArn": ROLE,
    }
    step = {key: more.pop(key) for key in list(more) if key in STEP_FIELDS}
    return {"Name": name, "Type": "Training", "Arguments": arguments | more, **step}


def processing(name: str, output: str = "out", **more: Any) -> dict[str, Any]:
    """A Processing step with one output."""
    arguments = {
        "AppSpecification": {"ImageUri": "image"},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 10,
            }
        },
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": output,
                    "S3Output": {
                        "S3Uri": {
                            "Std:Join": {
                                "On": "/",
                                "Values": [
                                    "s3://bucket",
                                    {"Get": "Execution.PipelineExecutionId"},
                                    name,
                                ],
                            }
                        },
                        "LocalPath": "/opt/ml/processing/out",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        "RoleArn": ROLE,
    }
    step = {key: more.pop(key) for key in list(more) if key in STEP_FIELDS}
    return {"Name": name, "Type": "Processing", "Arguments": arguments | more, **step}


STEP_FIELDS = ("DependsOn", "CacheConfig", "RetryPolicies", "PropertyFiles")


class Build:
    """Builders of steps, as a fixture, so that test modules import nothing of each other."""

    training = staticmethod(training)
    processing = staticmethod(processing)


@pytest.fixture
def build() -> type[Build]:
    return Build
