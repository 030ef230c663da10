"""The requests for an instance: valid for EC2, and closed."""

import dataclasses

import botocore.session
import pytest
from botocore.validate import ParamValidator

from pipeline.ec2.requests import Machine, launch_template, on_demand, spot_fleet
from pipeline.ec2.task import Training

MACHINE = Machine("ami-1", "profile", "sg-1", ("subnet-1", "subnet-2"), "#!/bin/bash\n")


@pytest.fixture(scope="module")
def validate():
    model = botocore.session.get_session().get_service_model("ec2")

    def check(operation, request):
        shape = model.operation_model(operation).input_shape
        report = ParamValidator().validate(request, shape)
        assert not report.has_errors(), report.generate_report()

    return check


def instance_of(request):
    return request.get("LaunchTemplateData", request)


def test_ec2_takes_the_requests(validate, training):
    validate("RunInstances", on_demand(training, MACHINE))
    validate("CreateLaunchTemplate", launch_template(training, MACHINE))
    validate("CreateFleet", spot_fleet(training, MACHINE))


@pytest.mark.parametrize("make", [on_demand, launch_template])
def test_an_instance_is_closed_encrypted_and_ends_when_it_shuts_down(training, make):
    asked = instance_of(make(training, MACHINE))
    assert asked["InstanceInitiatedShutdownBehavior"] == "terminate"
    assert asked["MetadataOptions"]["HttpTokens"] == "required"
    assert asked["SecurityGroupIds"] == ["sg-1"]
    assert "KeyName" not in asked
    disks = [mapping["Ebs"] for mapping in asked["BlockDeviceMappings"]]
    assert all(disk["Encrypted"] and disk["DeleteOnTermination"] for disk in disks)


def test_a_key_of_ones_own_encrypts_the_disk(training):
    settings = training.settings
    aws = dataclasses.replace(settings.aws, kms_key="alias/photos")
    made = on_demand(Training(dataclasses.replace(settings, aws=aws), "try-1"), MACHINE)
    assert made["BlockDeviceMappings"][0]["Ebs"]["KmsKeyId"] == "alias/photos"


def test_the_same_training_has_the_same_token_and_another_has_its_own(training):
    again, other = Training(training.settings, "try-1"), Training(training.settings, "try-2")
    token = on_demand(training, MACHINE)["ClientToken"]
    assert on_demand(again, MACHINE)["ClientToken"] == token
    assert on_demand(other, MACHINE)["ClientToken"] != token
    assert len(token) <= 64


def test_spot_is_asked_for_by_capacity_in_every_type_and_subnet(training):
    asked = spot_fleet(training, MACHINE)
    assert asked["SpotOptions"]["AllocationStrategy"] == "price-capacity-optimized"
    assert asked["TargetCapacitySpecification"]["DefaultTargetCapacityType"] == "spot"
    (config,) = asked["LaunchTemplateConfigs"]
    types = training.settings.ec2.instance_types
    assert len(config["Overrides"]) == len(types) * 2
    template = launch_template(training, MACHINE)["LaunchTemplateName"]
    assert config["LaunchTemplateSpecification"]["LaunchTemplateName"] == template


def test_everything_carries_what_it_is_known_by(training):
    asked = on_demand(training, MACHINE)
    kinds = {one["ResourceType"]: one["Tags"] for one in asked["TagSpecifications"]}
    assert set(kinds) == {"instance", "volume"}
    found = {tag["Key"]: tag["Value"] for tag in kinds["instance"]}
    assert found == {
        **training.settings.tags,
        "endpoint": "breedline",
        "ec2-training": "try-1",
        "Name": "breedline-ec2-try-1",
    }
