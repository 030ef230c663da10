"""A model's container, read through its model package."""

from __future__ import annotations

from typing import Any

import pytest

from local.endpoints.container import Container, resolve_container
from local.errors import ApiError


def described(model: dict[str, Any], package: list[dict[str, Any]] | None = None) -> Any:
    """A `call` that knows one model and one package."""

    def call(action: str, request: dict[str, Any]) -> dict[str, Any]:
        if action == "DescribeModel":
            assert request == {"ModelName": "dogs"}
            return model
        assert (action, request) == ("DescribeModelPackage", {"ModelPackageName": "dogs/1"})
        return {"InferenceSpecification": {"Containers": package}}

    return call


def test_a_models_own_container_is_taken_as_it_is():
    own = {"Image": "image", "ModelDataUrl": "s3://b/m.tar.gz", "Environment": {"A": "1"}}
    found = resolve_container("dogs", described({"PrimaryContainer": own}))
    assert found == Container("dogs", "s3://b/m.tar.gz", "image", {"A": "1"})
    assert (found.program, found.workers) == ("inference.py", 1)


def test_a_package_gives_what_the_model_does_not_say():
    own = {"ModelPackageName": "dogs/1", "Environment": {"B": "model"}}
    package = {
        "Image": "image",
        "ModelDataUrl": "s3://b/m.tar.gz",
        "Environment": {"A": "package", "B": "package", "SAGEMAKER_PROGRAM": "serve.py"},
    }
    found = resolve_container("dogs", described({"PrimaryContainer": own}, [package]))
    assert found.environment == {"A": "package", "B": "model", "SAGEMAKER_PROGRAM": "serve.py"}
    assert (found.data, found.program) == ("s3://b/m.tar.gz", "serve.py")


def test_the_only_container_of_a_row_is_taken():
    found = resolve_container("dogs", described({"Containers": [{"ModelDataUrl": "s3://b/m"}]}))
    assert found.data == "s3://b/m"


@pytest.mark.parametrize(("kind", "prefix"), [("S3Prefix", True), ("S3Object", False)])
def test_model_data_may_be_files_or_an_archive(kind, prefix):
    source = {"S3DataSource": {"S3Uri": "s3://b/m", "S3DataType": kind}}
    found = resolve_container("dogs", described({"PrimaryContainer": {"ModelDataSource": source}}))
    assert (found.data, found.prefix) == ("s3://b/m", prefix)


@pytest.mark.parametrize(
    ("model", "package", "sentence"),
    [
        ({"Containers": [{}, {}]}, None, "Model 'dogs' has 2 containers in a row"),
        (
            {"PrimaryContainer": {"ModelPackageName": "dogs/1"}},
            [{}, {}, {}],
            "Model package 'dogs/1' has 3 containers in a row",
        ),
        (
            {"PrimaryContainer": {"Mode": "MultiModel"}},
            None,
            "Model 'dogs' has the mode MultiModel",
        ),
    ],
)
def test_what_one_server_cannot_run_is_refused(model, package, sentence):
    with pytest.raises(ApiError, match=sentence):
        resolve_container("dogs", described(model, package))


@pytest.mark.parametrize("count", ["0", "-1", "1.5", "many"])
def test_workers_are_a_whole_number_from_1(count):
    container = Container("dogs", "", environment={"SAGEMAKER_MODEL_SERVER_WORKERS": count})
    with pytest.raises(ValueError, match=f"to '{count}'; give a whole number from 1"):
        assert container.workers
