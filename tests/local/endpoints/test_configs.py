"""Endpoint configurations: what they are checked for when created."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import settings
from local.endpoints.configs import Configs
from local.errors import ApiError
from local.models import Models
from local.sagemaker import SageMaker
from statemachine.endpoint_config import endpoint_config_request

ROLE = "arn:aws:iam::123456789012:role/model"
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint-config/c"
VARIANT = {
    "VariantName": "all",
    "ModelName": "m",
    "InstanceType": "ml.m5.large",
    "InitialInstanceCount": 1,
}
SERVERLESS = {
    "VariantName": "all",
    "ModelName": "m",
    "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 2},
}
CAPTURE = {
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://bucket/capture",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}
ASYNCHRONOUS = {"OutputConfig": {"S3OutputPath": "s3://bucket/out"}}


@pytest.fixture
def call(backend):
    sagemaker = SageMaker()
    sagemaker.add([Models(backend), Configs(backend), backend.tags])
    create_model(sagemaker.call, "m")
    return sagemaker.call


def create_model(call, name, **more):
    request = {"ModelName": name, "ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": "i"}}
    call("CreateModel", request | more)


def create(call, *variants, name="c", **more):
    request = {"EndpointConfigName": name, "ProductionVariants": list(variants) or [VARIANT]}
    return call("CreateEndpointConfig", request | more)


def describe(call, name="c"):
    return call("DescribeEndpointConfig", {"EndpointConfigName": name})


def test_a_configuration_is_described_as_it_was_made(call, backend):
    events: list[tuple[Any, ...]] = []
    backend.events.emit = lambda *told: events.append(told)  # type: ignore[method-assign]
    tags = [{"Key": "team", "Value": "photos"}]
    assert create(call, DataCaptureConfig=CAPTURE, KmsKeyId="key", Tags=tags) == {
        "EndpointConfigArn": ARN
    }
    described = describe(call)

    assert described.pop("CreationTime") == pytest.approx(backend.now(), abs=60)
    assert described == {
        "EndpointConfigName": "c",
        "EndpointConfigArn": ARN,
        "ProductionVariants": [VARIANT | {"InitialVariantWeight": 1.0}],
        "DataCaptureConfig": CAPTURE | {"EnableCapture": True},
        "KmsKeyId": "key",
    }
    assert call("ListTags", {"ResourceArn": ARN})["Tags"] == tags
    told = {"EndpointConfigName": "c", "EndpointConfigArn": ARN}
    assert events == [("SageMaker Endpoint Config State Change", told, [ARN])]


@pytest.mark.parametrize("kind", ["real-time", "serverless", "asynchronous"])
def test_what_a_deployment_asks_for_is_accepted(call, kind):
    loaded = settings.load("aws-example")
    endpoint = dataclasses.replace(loaded.endpoint, kind=kind)
    loaded = dataclasses.replace(loaded, endpoint=endpoint)
    call("CreateEndpointConfig", endpoint_config_request(loaded, "c", "m"))
    assert describe(call)["ProductionVariants"][0]["ModelName"] == "m"


@pytest.mark.parametrize(
    ("variants", "more", "words"),
    [
        ([VARIANT | {"ModelName": "none"}], {}, 'Could not find model "arn:.*:model/none"'),
        ([VARIANT, VARIANT], {}, "unique; all is there twice"),
        ([VARIANT | SERVERLESS], {}, "either InstanceType and InitialInstanceCount, or"),
        ([{"VariantName": "all", "ModelName": "m"}], {}, "needs either InstanceType"),
        ([VARIANT | {"InitialVariantWeight": 0.0}], {}, "Every InitialVariantWeight is 0"),
        ([VARIANT | {"InitialInstanceCount": 0}], {}, "InitialInstanceCount"),
        ([VARIANT | {"InstanceType": "ml.none"}], {}, "must be one of"),
        ([VARIANT | {"VolumeSizeInGB": 600}], {}, "VolumeSizeInGB.* at most 512"),
        (
            [VARIANT | {"ManagedInstanceScaling": {"Status": "ENABLED"}}],
            {},
            "takes no ManagedInstanceScaling: .*not run here",
        ),
        (
            [VARIANT | {"RoutingConfig": {"RoutingStrategy": "KV_AWARE"}}],
            {},
            "KV_AWARE of variant all is not run here; use LEAST_OUTSTANDING_REQUESTS or RANDOM",
        ),
        ([VARIANT], {"ShadowProductionVariants": [VARIANT]}, "shadow variants are not run here"),
        ([], {}, "at most 10"),
        ([VARIANT, VARIANT | {"VariantName": "b"}], {"AsyncInferenceConfig": ASYNCHRONOUS}, "one"),
        ([VARIANT], {"AsyncInferenceConfig": {"OutputConfig": {}}}, "needs an S3OutputPath"),
        (
            [VARIANT],
            {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "https://a/b"}}},
            "S3OutputPath: 'https://a/b' is not an S3 URI",
        ),
        (
            [VARIANT],
            {"DataCaptureConfig": CAPTURE | {"InitialSamplingPercentage": 101}},
            "InitialSamplingPercentage.* at most 100",
        ),
        (
            [VARIANT],
            {"DataCaptureConfig": CAPTURE | {"CaptureOptions": [{"CaptureMode": "Input"}] * 2}},
            "names Input twice",
        ),
        ([SERVERLESS], {"DataCaptureConfig": CAPTURE}, "takes no DataCaptureConfig"),
        ([SERVERLESS, VARIANT | {"VariantName": "b"}], {}, "has one production variant"),
        (
            [SERVERLESS | {"ServerlessConfig": {"MemorySizeInMB": 1500, "MaxConcurrency": 1}}],
            {},
            "1500 is not a multiple of 1024",
        ),
        ([SERVERLESS | {"ModelName": "inside"}], {}, "cannot have VpcConfig; create model inside"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(call, variants, more, words):
    vpc = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    create_model(call, "inside", VpcConfig=vpc)
    variants = variants or [VARIANT | {"VariantName": f"v{number}"} for number in range(11)]
    with pytest.raises(ApiError, match=words) as caught:
        create(call, *variants, **more)
    assert caught.value.code == "ValidationException"


def test_a_variant_without_a_model_is_for_components_which_are_not_run(call):
    variant = {key: value for key, value in VARIANT.items() if key != "ModelName"}
    with pytest.raises(ApiError, match="has no ModelName: inference components are not run here"):
        create(call, variant)


@pytest.mark.parametrize(
    "kind", ["ml.g5.xlarge", "ml.g4dn.xlarge", "ml.m5d.large", "ml.p4d.24xlarge"]
)
def test_a_key_is_refused_for_instances_that_encrypt_their_own_disks(call, kind):
    with pytest.raises(ApiError, match=f"cannot encrypt the disks of {kind}"):
        create(call, VARIANT | {"InstanceType": kind}, KmsKeyId="key")
    create(call, VARIANT | {"InstanceType": kind})


def test_a_taken_name_is_refused_in_the_words_that_the_sdk_looks_for(call):
    create(call)
    with pytest.raises(ApiError, match="Cannot create already existing endpoint configuration"):
        create(call)


def test_configurations_are_listed_and_deleted(call):
    create(call, name="first", Tags=[{"Key": "a", "Value": "b"}])
    create(call, name="second")
    found = call("ListEndpointConfigs", {"NameContains": "se"})["EndpointConfigs"]
    assert [config["EndpointConfigName"] for config in found] == ["second"]
    call("DeleteEndpointConfig", {"EndpointConfigName": "first"})

    for action in ("DescribeEndpointConfig", "DeleteEndpointConfig"):
        with pytest.raises(ApiError, match='Could not find endpoint configuration "arn:.*/first"'):
            call(action, {"EndpointConfigName": "first"})
    assert call("ListTags", {"ResourceArn": ARN[:-1] + "first"})["Tags"] == []
