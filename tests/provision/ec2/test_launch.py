"""An instance is asked for until EC2 knows the profile that was just made."""

import pytest
from botocore.exceptions import ClientError

from errors import BreedlineError
from pipeline.ec2.task import Training
from provision.change import Clients
from provision.ec2.launch import launch

UNKNOWN = (
    "Value (made) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile"
)
FULL = "There is no Spot capacity available that matches your request."


class Slow:
    """EC2 that refuses an instance, or leaves a fleet empty, so many times; then does as asked."""

    def __init__(self, ec2, refusals, message=UNKNOWN):
        self._ec2, self._left, self._message = ec2, refusals, message
        self.tokens = []

    def __getattr__(self, name):
        return getattr(self._ec2, name)

    def _refuses(self, request):
        self.tokens.append(request["ClientToken"])
        self._left -= 1
        return self._left >= 0

    def run_instances(self, **request):
        if self._refuses(request):
            fault = {"Code": "InvalidParameterValue", "Message": self._message}
            raise ClientError({"Error": fault}, "RunInstances")
        return self._ec2.run_instances(**request)

    def create_fleet(self, **request):
        if self._refuses(request):
            error = {"ErrorCode": "InvalidParameterValue", "ErrorMessage": self._message}
            return {"FleetId": "fleet-1", "Instances": [], "Errors": [error]}
        return self._ec2.create_fleet(**request)


@pytest.fixture
def start(clients, loaded):
    """Launches a training; returns the instance's id, the pauses and what EC2 was asked with."""
    place = {"LocationConstraint": loaded.aws.region}
    clients("s3").create_bucket(Bucket=loaded.bucket, CreateBucketConfiguration=place)

    def start_it(spot, refusals, message=UNKNOWN):
        slow = Slow(clients("ec2"), refusals, message)
        pauses: list[float] = []
        asking = Clients(lambda name: slow if name == "ec2" else clients(name), pauses.append)
        return launch(asking, Training(loaded, "first"), {}, spot=spot), pauses, slow.tokens

    return start_it


@pytest.mark.parametrize("spot", [False, True])
def test_a_profile_that_ec2_does_not_know_yet_is_waited_for(start, clients, spot):
    instance, pauses, tokens = start(spot, refusals=2)
    assert instance.startswith("i-")
    assert len(pauses) == 2
    # The same request gives the same instance; a fleet that is there would be answered again empty.
    assert len(set(tokens)) == (3 if spot else 1)
    assert clients("ec2").describe_launch_templates()["LaunchTemplates"] == []


@pytest.mark.parametrize("spot", [False, True])
def test_a_profile_that_stays_unknown_ends_with_what_ec2_said(start, spot):
    with pytest.raises(ClientError, match="Invalid IAM Instance Profile"):
        start(spot, refusals=1000)


def test_no_capacity_is_told_at_once(start):
    with pytest.raises(BreedlineError, match="There is no Spot capacity available"):
        start(True, refusals=1, message=FULL)
