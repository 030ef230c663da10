"""SageMaker models: what serving and transform jobs are made from, checked when created."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local.backend import Action, Backend
from local.errors import validation_error
from local.iam.caller import SAGEMAKER, acting, caller
from local.listing import Listing
from local.model_data import check_model_data
from local.registry import find_package
from local.store import DocumentExists, NoSuchDocument, public

KIND = "Model"
EVENT = "SageMaker Model State Change"
DESCRIBED = (
    "ModelName",
    "PrimaryContainer",
    "Containers",
    "InferenceExecutionConfig",
    "ExecutionRoleArn",
    "VpcConfig",
)
MODELS = Listing(
    answer="Models", name="ModelName", summary=("ModelName", "ModelArn", "CreationTime")
)


class Models:
    """CreateModel, DescribeModel, ListModels, DeleteModel."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._store = backend.store
        self.actions: dict[str, Action] = {
            "CreateModel": self._create,
            "DescribeModel": self._describe,
            "ListModels": self._list,
            "DeleteModel": self._delete,
        }

    def recover(self) -> None:
        """Nothing of a model can be half done."""

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["ModelName"]
        with acting(caller(request.get("ExecutionRoleArn") or "", "SageMaker", SAGEMAKER)):
            for container in _containers(request):
                self._check_container(container)
        arn = self._backend.arn(f"model/{name}")
        document = {key: request[key] for key in DESCRIBED if key in request} | {
            "ModelArn": arn,
            "CreationTime": self._backend.now(),
            "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
        }
        try:
            self._store.create(KIND, name, document)
        except DocumentExists as error:
            raise validation_error(f'Cannot create already existing model "{arn}".') from error
        self._backend.tags.attach(arn, request.get("Tags"))
        self._backend.events.emit(EVENT, {"ModelName": name, "ModelArn": arn}, [arn])
        return {"ModelArn": arn}

    def _check_container(self, container: dict[str, Any]) -> None:
        package = container.get("ModelPackageName")
        if package is None and "Image" not in container:
            raise validation_error("A model's container needs an Image or a ModelPackageName.")
        if package is not None and "Image" in container:
            raise validation_error(
                f"A model's container takes the ModelPackageName {package} or an Image, not both."
            )
        if package is not None:
            find_package(self._store, self._backend.arn("model-package/"), package)
        check_model_data(self._backend.objects, container)

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return public(self._get(request["ModelName"]))

    def _get(self, name: str) -> dict[str, Any]:
        try:
            return self._store.get(KIND, name)
        except NoSuchDocument as error:
            arn = self._backend.arn(f"model/{name}")
            raise validation_error(f'Could not find model "{arn}".') from error

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        return MODELS.respond(self._store.list(KIND), request)

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self._get(request["ModelName"])
        arn = document["ModelArn"]
        self._store.delete(KIND, request["ModelName"])
        self._backend.tags.remove_all(arn)
        detail = {"ModelName": request["ModelName"], "ModelArn": arn}
        self._backend.events.emit(EVENT, detail, [arn])
        return {}


def _containers(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The request's containers; raises ApiError unless it has exactly one of the two forms."""
    if ("PrimaryContainer" in request) == bool(request.get("Containers")):
        raise validation_error("A model needs one of PrimaryContainer and Containers, not both.")
    if "PrimaryContainer" in request:
        yield request["PrimaryContainer"]
    yield from request.get("Containers") or []
