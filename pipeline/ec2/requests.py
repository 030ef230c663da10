"""How an instance is asked for: the requests of EC2's API, compiled from the settings.

On demand it is RunInstances. On spot it is a launch template and an instant fleet, which takes the
instance type with the most capacity to spare for its price, and never replaces what it lost.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from pipeline.ec2.task import Training
from settings import Settings

DISK = "/dev/xvda"  # the root device of Amazon Linux's images
TAG = "ec2-training"  # of an instance: the training's name
Request = dict[str, Any]


@dataclass(frozen=True)
class Machine:
    """What an instance is made of beside the settings; no subnet is the default network."""

    image: str
    profile: str
    security_group: str
    subnets: tuple[str, ...]
    user_data: str


def on_demand(training: Training, machine: Machine) -> Request:
    """RunInstances. The token makes a second request with the same name the same instance."""
    found = _instance(training, machine)
    if machine.subnets:
        found["SubnetId"] = machine.subnets[0]
    return {
        **found,
        "InstanceType": training.settings.ec2.instance_types[0],
        "UserData": machine.user_data,  # boto3 encodes it here, and only here
        "MinCount": 1,
        "MaxCount": 1,
        "ClientToken": client_token(training),
    }


def launch_template(training: Training, machine: Machine) -> Request:
    """CreateLaunchTemplate, of what the fleet starts."""
    encoded = base64.b64encode(machine.user_data.encode()).decode()
    return {
        "LaunchTemplateName": template_name(training),
        "LaunchTemplateData": {**_instance(training, machine), "UserData": encoded},
        "TagSpecifications": _tagged(training, "launch-template"),
        "ClientToken": client_token(training),
    }


def spot_fleet(training: Training, machine: Machine, attempt: int = 0) -> Request:
    """CreateFleet: one spot instance of any of the types, in any of the subnets.

    A fleet that started nothing is answered again for its token: another attempt has another one.
    """
    places: list[Request] = [{"SubnetId": subnet} for subnet in machine.subnets] or [{}]
    types = training.settings.ec2.instance_types
    named = {"LaunchTemplateName": template_name(training), "Version": "$Latest"}
    overrides = [{"InstanceType": kind, **place} for kind in types for place in places]
    return {
        "Type": "instant",
        "LaunchTemplateConfigs": [
            {"LaunchTemplateSpecification": named, "Overrides": overrides},
        ],
        "SpotOptions": {
            "AllocationStrategy": "price-capacity-optimized",
            "InstanceInterruptionBehavior": "terminate",
        },
        "TargetCapacitySpecification": {
            "TotalTargetCapacity": 1,
            "DefaultTargetCapacityType": "spot",
        },
        "TagSpecifications": _tagged(training, "fleet"),
        "ClientToken": client_token(training, attempt),
    }


def client_token(training: Training, attempt: int = 0) -> str:
    """The same for the same training of the same environment; at most 64 characters."""
    settings = training.settings
    text = f"{settings.environment}/{settings.endpoint_name}/{training.name}"
    text += f"/{attempt}" if attempt else ""
    return hashlib.sha256(text.encode()).hexdigest()


def template_name(training: Training) -> str:
    """Begins as all that is ours does."""
    return f"{training.settings.endpoint_name}-ec2-{training.name}"


def tags(settings: Settings) -> dict[str, str]:
    """Tags by which what belongs to training on EC2 is known as ours."""
    return {**settings.tags, "endpoint": settings.endpoint_name}


def _instance(training: Training, machine: Machine) -> Request:
    """What RunInstances and a launch template say alike."""
    settings = training.settings
    return {
        "ImageId": machine.image,
        "IamInstanceProfile": {"Name": machine.profile},
        "SecurityGroupIds": [machine.security_group],
        "InstanceInitiatedShutdownBehavior": "terminate",
        # Credentials only for who can ask twice, and only from the machine itself.
        "MetadataOptions": {
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 1,
        },
        "BlockDeviceMappings": [{"DeviceName": DISK, "Ebs": _disk(settings)}],
        "TagSpecifications": _tagged(training, "instance", "volume"),
    }


def _disk(settings: Settings) -> Request:
    key = {"KmsKeyId": settings.aws.kms_key} if settings.aws.kms_key else {}
    return {
        "Encrypted": True,
        "DeleteOnTermination": True,
        "VolumeSize": settings.ec2.volume_gb,
        "VolumeType": "gp3",
        **key,
    }


def _tagged(training: Training, *resources: str) -> list[Request]:
    found = {**tags(training.settings), "Name": template_name(training), TAG: training.name}
    pairs = [{"Key": key, "Value": value} for key, value in sorted(found.items())]
    return [{"ResourceType": resource, "Tags": pairs} for resource in resources]
