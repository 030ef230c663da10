"""Destroy leaves nothing of training on EC2, and nothing of others is touched."""

import dataclasses

import pytest
from botocore.exceptions import ClientError

from pipeline.ec2.requests import Machine, launch_template, on_demand
from pipeline.ec2.task import Training
from provision.change import Clients
from provision.ec2.surroundings import ensure_surroundings
from provision.logs import RESOURCE as LOG_GROUP
from provision.teardown import ec2 as teardown
from provision.teardown.roles import delete_role, find_roles

DELETE = {
    teardown.TEMPLATE: teardown.delete_template,
    teardown.SECURITY_GROUP: teardown.delete_security_group,
    teardown.PROFILE: teardown.delete_profile,
    LOG_GROUP: lambda clients, change: clients("logs").delete_log_group(logGroupName=change.name),
    teardown.INSTANCE: teardown.terminate_instance,
    "role": delete_role,
}


@pytest.fixture
def trained(clients, loaded):
    """An account in which an instance trains and a start on spot was cut off."""
    found, training = ensure_surroundings(clients, loaded), Training(loaded, "first")
    machine = Machine(found.image, found.profile, found.security_group, found.subnets, "#!/bin/sh")
    clients("ec2").run_instances(**on_demand(training, machine))
    clients("ec2").create_launch_template(**launch_template(Training(loaded, "second"), machine))
    return clients


def found_by(clients, loaded):
    return [
        *teardown.find_instances(clients, loaded),
        *teardown.find_ec2(clients, loaded),
        *find_roles(clients, loaded),
    ]


def test_all_of_it_goes_in_the_order_in_which_it_is_found(trained, loaded):
    changes = found_by(trained, loaded)
    assert [change.resource for change in changes] == [
        *("instance", "launch-template", "security-group", "log-group", "instance-profile", "role"),
    ]
    for change in changes:
        DELETE[change.resource](trained, change)
    assert found_by(trained, loaded) == []


def test_what_does_not_carry_our_tags_stays(trained, loaded):
    (group,) = trained("ec2").describe_security_groups(GroupNames=["breedline-ec2-training"])[
        "SecurityGroups"
    ]
    theirs = [{"Key": "owner", "Value": "somebody"}]
    trained("ec2").create_tags(Resources=[group["GroupId"]], Tags=theirs)
    kept = [change for change in found_by(trained, loaded) if change.kind == "keep"]
    assert [change.resource for change in kept] == ["security-group"]
    assert "'somebody'" in kept[0].reason


@pytest.fixture
def blind(clients):
    """Clients of somebody who may ask EC2 nothing."""

    class Denied:
        def __getattr__(self, name):
            fault = {"Code": "UnauthorizedOperation", "Message": "You are not authorized"}
            raise ClientError({"Error": fault}, name)

    return Clients(lambda service: Denied() if service == "ec2" else clients(service))


def test_who_never_asked_for_ec2_and_may_not_look_is_told_so(blind, loaded):
    changes = found_by(blind, loaded)
    assert [(change.kind, change.resource) for change in changes] == [
        *(("keep", resource) for resource in ("instance", "launch-template", "security-group")),
    ]
    assert changes[0].reason.startswith("not looked for: these credentials may not")


@pytest.mark.parametrize(
    "asked", [{"ec2": {"subnet": "subnet-0123"}}, {"roles": {"ec2_training": "trainer"}}]
)
def test_who_asked_for_ec2_must_be_able_to_look(blind, loaded, asked):
    ((section, keys),) = asked.items()
    changed = {section: dataclasses.replace(getattr(loaded, section), **keys)}
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        found_by(blind, dataclasses.replace(loaded, **changed))
