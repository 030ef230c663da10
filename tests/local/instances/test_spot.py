"""A fleet's spot instance: made by its template, and taken back with a notice."""

import base64
import shlex
from pathlib import Path

import pytest

from local.interruption import InterruptionError, interrupt_job
from pipeline.ec2 import requests
from tests.local.instances.conftest import Started

INSIDE = Path(requests.__file__).with_name("inside")
WAITING = f"""#!/bin/bash
PYTHONPATH={shlex.quote(str(INSIDE))} "$BREEDLINE_PYTHON" -c '
import time
from instance_notice import watch_notices
from instance_stop import Stop

stop = Stop()
watch_notices(stop)
print("ready", flush=True)
while not stop.reason:
    time.sleep(0.05)
print(stop.reason)
'
shutdown -P now
"""


@pytest.fixture
def spot(client):
    ec2, name = client("ec2"), "waiting"
    ec2.create_launch_template(
        LaunchTemplateName=name,
        LaunchTemplateData={
            "ImageId": "ami-12345678",
            "IamInstanceProfile": {"Name": "trainer"},
            "InstanceInitiatedShutdownBehavior": "terminate",
            "MetadataOptions": {"HttpTokens": "required"},
            "UserData": base64.b64encode(WAITING.encode()).decode(),
        },
    )
    fleet = {
        "Type": "instant",
        "ClientToken": "one-fleet",
        "LaunchTemplateConfigs": [
            {
                "LaunchTemplateSpecification": {"LaunchTemplateName": name, "Version": "$Latest"},
                "Overrides": [{"InstanceType": kind} for kind in ("t3.small", "t3a.small")],
            }
        ],
        "SpotOptions": {"AllocationStrategy": "price-capacity-optimized"},
        "TargetCapacitySpecification": {
            "TotalTargetCapacity": 1,
            "DefaultTargetCapacityType": "spot",
        },
    }
    first, second = ec2.create_fleet(**fleet), ec2.create_fleet(**fleet)
    assert first["FleetId"] == second["FleetId"]
    (instance_id,) = first["Instances"][0]["InstanceIds"]
    yield Started(ec2, instance_id)
    ec2.terminate_instances(InstanceIds=[instance_id])
    ec2.delete_launch_template(LaunchTemplateName=name)


def test_a_spot_instance_hears_that_it_is_taken_back(spot, connection):
    spot.until(lambda instance: "ready" in instance.console())
    described = spot.describe()
    assert (described["InstanceLifecycle"], described["State"]["Name"]) == ("spot", "running")
    assert described["MetadataOptions"]["HttpTokens"] == "required"
    interrupt_job(connection, spot.id)
    spot.until_it_is("terminated")
    assert "EC2 takes the spot capacity back." in spot.console()
    with pytest.raises(InterruptionError, match="has nothing to lose: it is terminated"):
        interrupt_job(connection, spot.id)


def test_only_spot_instances_are_taken_back(connection):
    with pytest.raises(InterruptionError, match="no spot instance 'i-0123456789abcdef0'"):
        interrupt_job(connection, "i-0123456789abcdef0")
