"""What an instance stands on is made once, closed, and told of where it is missing."""

import dataclasses
import json

import pytest

from errors import BreedlineError
from provision.ec2.surroundings import ensure_surroundings, group_name
from statemachine.names import Names


def changed(loaded, **keys):
    return dataclasses.replace(loaded, ec2=dataclasses.replace(loaded.ec2, **keys))


def group_of(clients, found):
    answer = clients("ec2").describe_security_groups(GroupIds=[found.security_group])
    return answer["SecurityGroups"][0]


def test_a_second_time_finds_what_the_first_made(clients, loaded):
    first = ensure_surroundings(clients, loaded)
    assert ensure_surroundings(clients, loaded) == first
    assert first.image.startswith("ami-")
    groups = clients("logs").describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in groups] == [Names(loaded).ec2_logs]
    assert groups[0]["retentionInDays"] == 90


def test_the_profile_has_a_role_that_only_ec2_assumes(clients, loaded):
    name, iam = ensure_surroundings(clients, loaded).profile, clients("iam")
    (role,) = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "ec2.amazonaws.com"}
    policy = iam.get_role_policy(RoleName=role["RoleName"], PolicyName="breedline")
    assert "iam:" not in json.dumps(policy["PolicyDocument"])


def test_the_security_group_lets_nothing_in_and_only_https_out(clients, loaded):
    group = group_of(clients, ensure_surroundings(clients, loaded))
    assert group["IpPermissions"] == []
    (out,) = group["IpPermissionsEgress"]
    assert (out["IpProtocol"], out["FromPort"], out["ToPort"]) == ("tcp", 443, 443)


def test_a_security_group_that_somebody_opened_is_not_used(clients, loaded):
    made = ensure_surroundings(clients, loaded).security_group
    clients("ec2").authorize_security_group_ingress(
        GroupId=made, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    with pytest.raises(BreedlineError, match=f"opened the security group '{group_name(loaded)}'"):
        ensure_surroundings(clients, loaded)


def test_the_security_group_is_of_the_subnets_network(clients, loaded):
    ec2 = clients("ec2")
    network = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=network, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    found = ensure_surroundings(clients, changed(loaded, subnet=subnet))
    assert found.subnets == (subnet,)
    assert group_of(clients, found)["VpcId"] == network


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"ami_parameter": "/aws/service/none"}, "no image under ec2.ami_parameter"),
        ({"instance_profile": "theirs"}, "'theirs', which ec2.instance_profile means"),
    ],
)
def test_what_is_named_and_not_there_is_told(clients, loaded, keys, told):
    with pytest.raises(BreedlineError, match=told):
        ensure_surroundings(clients, changed(loaded, **keys))


def test_a_role_without_a_profile_is_told(clients, loaded):
    roles = dataclasses.replace(loaded.roles, ec2_training="trainer")
    with pytest.raises(BreedlineError, match=r"'trainer', which roles\.ec2_training means"):
        ensure_surroundings(clients, dataclasses.replace(loaded, roles=roles))
