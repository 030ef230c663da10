"""The embedded SageMaker without its server, so that a forked test takes all of it along."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from botocore.session import Session

from local.backend import Action
from local.endpoints.configs import Configs
from local.errors import ApiError, validation_error
from local.features.groups import FeatureGroups
from local.models import Models
from local.pipelines.service import Pipelines
from local.registry import Registry
from local.sagemaker import SageMaker
from local.store import Store
from local.tags import Tags

ACCOUNT, REGION = "123456789012", "eu-west-1"
MODEL = Session().get_service_model("sagemaker")


class Endpoints:
    """Endpoints that nothing serves; one that is deleted is still there at the next look."""

    def __init__(self, tags: Tags) -> None:
        self._tags = tags
        self.found: dict[str, dict[str, Any]] = {}
        self.actions: dict[str, Action] = {
            "CreateEndpoint": self._create,
            "DescribeEndpoint": self._describe,
            "DeleteEndpoint": self._delete,
        }

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{request['EndpointName']}"
        self._tags.attach(arn, request.get("Tags"))
        status = {"EndpointArn": arn, "EndpointStatus": "InService"}
        self.found[request["EndpointName"]] = {**request, **status}
        return {"EndpointArn": arn}

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        found = self._get(request)
        if found["EndpointStatus"] == "Deleting":
            del self.found[request["EndpointName"]]
            self._tags.remove_all(found["EndpointArn"])
        return dict(found)

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        found = self._get(request)
        if found["EndpointStatus"] == "Updating":
            found["EndpointStatus"] = "InService"  # at the next look
            raise validation_error("Cannot update in-progress endpoint.")
        found["EndpointStatus"] = "Deleting"
        return {}

    def _get(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["EndpointName"] not in self.found:
            raise validation_error(f'Could not find endpoint "{request["EndpointName"]}".')
        return self.found[request["EndpointName"]]


class Jobs:
    """Training jobs of which nothing is known but whether they run."""

    def __init__(self) -> None:
        self.statuses: dict[str, str] = {}
        self.actions: dict[str, Action] = {
            "DescribeTrainingJob": self._describe,
            "StopTrainingJob": self._stop,
        }

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        status = self.statuses[request["TrainingJobName"]]
        if status == "Stopping":
            self.statuses[request["TrainingJobName"]] = "Stopped"
        return {"TrainingJobStatus": status}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.statuses[request["TrainingJobName"]] != "InProgress":
            raise validation_error("The training job does not run.")
        self.statuses[request["TrainingJobName"]] = "Stopping"
        return {}


class Executions:
    """The pipelines of the embedded AWS; an execution that is stopped has ended at once."""

    def __init__(self, backend: Any, call: Any) -> None:
        self._store = backend.store
        pipelines = Pipelines(backend, call, call)
        self.actions = {**pipelines.actions, "StopPipelineExecution": self._stop}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["PipelineExecutionArn"]
        self._store.set("PipelineExecution", arn, PipelineExecutionStatus="Stopped")
        return {"PipelineExecutionArn": arn}


class SageMakerClient:
    """A client as boto3 makes it, with the control plane in this process's memory."""

    def __init__(self) -> None:
        self.store = Store(Path(":memory:"))
        tags, sagemaker = Tags(self.store), SageMaker()
        backend: Any = SimpleNamespace(
            account=ACCOUNT,
            region=REGION,
            arn=lambda resource: f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{resource}",
            events=SimpleNamespace(emit=lambda *told: None),
            job_environment={},
            now=time.time,
            objects=SimpleNamespace(has_bucket=lambda bucket: True),
            store=self.store,
            tags=tags,
        )
        self.endpoints, self.jobs = Endpoints(tags), Jobs()
        sagemaker.add([Registry(backend), Models(backend), Configs(backend), tags])
        sagemaker.add([Executions(backend, sagemaker.call), self.endpoints, self.jobs])
        clock = itertools.count(time.time())  # a group that is looked at again is made
        moving: Any = SimpleNamespace(**{**vars(backend), "now": lambda: next(clock)})
        sagemaker.add([FeatureGroups(moving, lambda group: None)])
        self._call = sagemaker.call

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        action = "".join(word.capitalize() for word in name.split("_"))
        tokens = MODEL.operation_model(action).idempotent_members

        def call(**request: Any) -> dict[str, Any]:
            request = {**dict.fromkeys(tokens, uuid.uuid4().hex), **request}
            try:
                return self._call(action, request)
            except ApiError as error:
                fault = {"Error": {"Code": error.code, "Message": error.message}}
                raise ClientError(fault, action) from error

        return call

    def get_paginator(self, name: str) -> Any:
        def paginate(**request: Any) -> Iterator[dict[str, Any]]:
            while True:
                page = getattr(self, name)(**request)
                yield page
                if "NextToken" not in page:
                    return
                request["NextToken"] = page["NextToken"]

        return SimpleNamespace(paginate=paginate)
