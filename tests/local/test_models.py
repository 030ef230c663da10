"""SageMaker models: what they are checked for when created."""

from __future__ import annotations

import pytest

from local.errors import ApiError
from local.models import Models
from local.registry import Registry
from local.sagemaker import SageMaker

ROLE = "arn:aws:iam::123456789012:role/model"
DATA = "s3://bucket/model.tar.gz"
CONTAINER = {"Image": "image", "ModelDataUrl": DATA, "Environment": {"A": "1"}}


@pytest.fixture
def call(backend):
    backend.objects.write("bucket", "model.tar.gz", b"model")
    sagemaker = SageMaker()
    sagemaker.add([Models(backend), Registry(backend), backend.tags])
    return sagemaker.call


def create(call, name="m", **more):
    request = {"ModelName": name, "ExecutionRoleArn": ROLE, "PrimaryContainer": CONTAINER} | more
    return call("CreateModel", {key: value for key, value in request.items() if value is not None})


def test_a_model_is_described_as_it_was_made(call):
    arn = create(call)["ModelArn"]
    described = call("DescribeModel", {"ModelName": "m"})

    assert described["ModelArn"] == arn
    assert described["PrimaryContainer"] == CONTAINER
    assert described["EnableNetworkIsolation"] is False


def test_a_model_may_come_from_a_registered_package(call):
    call("CreateModelPackageGroup", {"ModelPackageGroupName": "dogs"})
    specification = {"Containers": [{"Image": "image", "ModelDataUrl": DATA}]}
    request = {"ModelPackageGroupName": "dogs", "InferenceSpecification": specification}
    arn = call("CreateModelPackage", request)["ModelPackageArn"]
    create(call, PrimaryContainer=None, Containers=[{"ModelPackageName": arn}])

    described = call("DescribeModel", {"ModelName": "m"})
    assert described["Containers"] == [{"ModelPackageName": arn}]
    with pytest.raises(ApiError, match="ModelPackage .*dogs/9 does not exist"):
        create(call, "n", PrimaryContainer={"ModelPackageName": arn.replace("/1", "/9")})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"PrimaryContainer": None}, "one of PrimaryContainer and Containers"),
        ({"Containers": [CONTAINER]}, "one of PrimaryContainer and Containers"),
        ({"PrimaryContainer": {"ModelDataUrl": DATA}}, "needs an Image or a ModelPackageName"),
        (
            {"PrimaryContainer": {"Image": "i", "ModelDataUrl": "s3://bucket/none"}},
            "Could not find model data at s3://bucket/none",
        ),
        ({"PrimaryContainer": {"Image": "i", "ModelPackageName": "p"}}, "not both"),
    ],
)
def test_a_model_that_cannot_be_is_refused(call, change, words):
    with pytest.raises(ApiError, match=words):
        create(call, **change)


def test_uncompressed_model_data_is_a_prefix(call, backend):
    backend.objects.write("bucket", "model/weights.pt", b"w")
    source = {"S3Uri": "s3://bucket/model/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    create(call, PrimaryContainer={"Image": "i", "ModelDataSource": {"S3DataSource": source}})

    with pytest.raises(ApiError, match="Could not find model data at s3://bucket/other/"):
        missing = {"S3DataSource": source | {"S3Uri": "s3://bucket/other/"}}
        create(call, "n", PrimaryContainer={"Image": "i", "ModelDataSource": missing})


def test_a_taken_name_is_refused_in_the_words_that_the_sdk_looks_for(call):
    create(call)
    with pytest.raises(ApiError, match="Cannot create already existing model"):
        create(call)


def test_models_are_listed_and_deleted(call):
    create(call, "first", Tags=[{"Key": "a", "Value": "b"}])
    create(call, "second")
    names = [m["ModelName"] for m in call("ListModels", {"NameContains": "se"})["Models"]]
    assert names == ["second"]
    call("DeleteModel", {"ModelName": "first"})

    with pytest.raises(ApiError, match="Could not find model"):
        call("DescribeModel", {"ModelName": "first"})
    with pytest.raises(ApiError, match="Could not find model"):
        call("DeleteModel", {"ModelName": "first"})
