"""What a version is deployed with: its requests, and the name that changes when they change."""

from __future__ import annotations

import dataclasses

import pytest

from local.shapes import Shapes
from statemachine.endpoint_config import (
    capture_uri,
    create_endpoint_request,
    deployed_name,
    digest,
    endpoint_config_request,
    model_request,
    tags,
    update_endpoint_request,
)
from tests.statemachine.documents import CASES, PACKAGE, with_kind

SHAPES = Shapes("sagemaker")
NAME = "breedline-v7-12345678"


def replaced(loaded, section, **values):
    part = dataclasses.replace(getattr(loaded, section), **values)
    return dataclasses.replace(loaded, **{section: part})


@pytest.mark.parametrize(("environment", "kind"), CASES)
def test_sagemaker_takes_every_request(environment, kind):
    loaded = with_kind(environment, kind)
    SHAPES.check("CreateModel", model_request(loaded, NAME, PACKAGE, "7"))
    SHAPES.check("CreateEndpointConfig", endpoint_config_request(loaded, NAME, NAME))
    SHAPES.check("CreateEndpoint", create_endpoint_request(loaded, NAME))
    for canary in (True, False):
        SHAPES.check("UpdateEndpoint", update_endpoint_request(loaded, NAME, canary=canary))


def test_another_setting_of_serving_is_another_name_and_a_tag_is_not(example):
    assert digest(replaced(example, "endpoint", capture_percent=1)) != digest(example)
    assert digest(replaced(example, "endpoint", instance_type="ml.c5.large")) != digest(example)
    assert digest(replaced(example, "aws", tags={"cost-centre": "1"})) == digest(example)
    assert digest(replaced(example, "model", epochs=1)) == digest(example)
    assert deployed_name(example, 7) == f"breedline-v7-{digest(example)}"


def test_an_update_keeps_what_scaling_has_set_and_takes_the_new_capture(example):
    request = update_endpoint_request(example, NAME, canary=True)
    assert request["RetainAllVariantProperties"] is True
    excluded = [{"VariantPropertyType": "DataCaptureConfig"}]
    assert request["ExcludeRetainedVariantProperties"] == excluded
    routing = request["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing["Type"] == "CANARY"
    assert routing["CanarySize"] == {"Type": "CAPACITY_PERCENT", "Value": 10}
    rollback = request["DeploymentConfig"]["AutoRollbackConfiguration"]
    assert len(rollback["Alarms"]) == 3


def test_a_way_back_waits_for_nothing_and_is_not_rolled_back_itself(example):
    policy = update_endpoint_request(example, NAME, guarded=False)["DeploymentConfig"]
    assert "AutoRollbackConfiguration" not in policy
    assert policy["BlueGreenUpdatePolicy"]["TerminationWaitInSeconds"] == 0


def test_a_serverless_endpoint_has_no_fleet_to_speak_of():
    loaded = with_kind("aws-example", "serverless")
    model, config = (
        model_request(loaded, NAME, PACKAGE, "7"),
        endpoint_config_request(loaded, NAME, NAME),
    )
    assert not {"VpcConfig", "EnableNetworkIsolation"} & model.keys()
    assert not {"KmsKeyId", "DataCaptureConfig"} & config.keys()
    (variant,) = config["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 4096, "MaxConcurrency": 10}
    assert update_endpoint_request(loaded, NAME).keys() == {"EndpointName", "EndpointConfigName"}


def test_an_asynchronous_endpoint_answers_into_the_bucket():
    config = endpoint_config_request(with_kind("aws-example", "asynchronous"), NAME, NAME)
    output = config["AsyncInferenceConfig"]["OutputConfig"]
    assert output["S3OutputPath"].endswith("/asynchronous/breedline/answers")
    assert output["KmsKeyId"] == "alias/breedline"
    assert "DataCaptureConfig" not in config


@pytest.mark.parametrize(
    ("instance", "encrypted"),
    (("ml.m5.large", True), ("ml.g5.xlarge", False), ("ml.c6id.large", False)),
)
def test_a_volume_has_the_key_unless_the_instance_has_disks_of_its_own(
    example, instance, encrypted
):
    loaded = replaced(example, "endpoint", instance_type=instance)
    assert ("KmsKeyId" in endpoint_config_request(loaded, NAME, NAME)) == encrypted


def test_a_model_is_isolated_unless_it_may_fetch_images(example):
    assert model_request(example, NAME, PACKAGE, "7")["EnableNetworkIsolation"] is True
    loaded = replaced(example, "endpoint", url_allow_list=("images.example.com",))
    request = model_request(loaded, NAME, PACKAGE, "7")
    assert request["EnableNetworkIsolation"] is False
    variables = request["PrimaryContainer"]["Environment"]
    assert variables["BREEDLINE_URL_ALLOW_LIST"] == "images.example.com"
    assert variables["BREEDLINE_MODEL_VERSION"] == "7"


def test_what_is_captured_lies_in_the_bucket_under_the_key(example):
    capture = endpoint_config_request(example, NAME, NAME)["DataCaptureConfig"]
    assert capture["DestinationS3Uri"] == capture_uri(example)
    assert capture["InitialSamplingPercentage"] == 20
    assert capture["KmsKeyId"] == "alias/breedline"
    none = replaced(example, "endpoint", capture_percent=0)
    assert "DataCaptureConfig" not in endpoint_config_request(none, NAME, NAME)


def test_tags_are_sorted(example):
    assert [tag["Key"] for tag in tags(example)] == ["cost-centre", "environment", "owner"]
