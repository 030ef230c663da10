"""One embedded AWS for the tests of instances, and a role that they work under."""

import json
import time

import boto3
import pytest

from local.connection import ensure_server, stop_server

TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
}
PATIENCE = 60.0  # seconds; a busy machine is slow


@pytest.fixture(scope="package")
def connection(tmp_path_factory):
    folder = tmp_path_factory.mktemp("instances")
    yield ensure_server(folder, "eu-west-1")[0]
    stop_server(folder)


@pytest.fixture(scope="package")
def client(connection):
    def make(service):
        return boto3.client(service, **connection.client_options())

    iam = make("iam")
    iam.create_role(RoleName="trainer", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.create_instance_profile(InstanceProfileName="trainer")
    iam.add_role_to_instance_profile(InstanceProfileName="trainer", RoleName="trainer")
    return make


class Started:
    """One instance."""

    def __init__(self, ec2, instance_id):
        self._ec2, self.id = ec2, instance_id

    def describe(self):
        found = self._ec2.describe_instances(InstanceIds=[self.id])
        return found["Reservations"][0]["Instances"][0]

    @property
    def state(self):
        return self.describe()["State"]["Name"]

    def console(self):
        return self._ec2.get_console_output(InstanceId=self.id)["Output"]

    def until(self, holds):
        deadline = time.monotonic() + PATIENCE
        while not holds(self):
            assert time.monotonic() < deadline, f"it is {self.state}: {self.console()}"
            time.sleep(0.05)

    def until_it_is(self, state):
        self.until(lambda instance: instance.state == state)


@pytest.fixture
def run(client):
    """Starts an instance with these lines of user data."""
    ec2, started = client("ec2"), []

    def start(*lines, **more):
        request = {
            "ImageId": "ami-12345678",
            "InstanceType": "t3.small",
            "MinCount": 1,
            "MaxCount": 1,
            "IamInstanceProfile": {"Name": "trainer"},
            "InstanceInitiatedShutdownBehavior": "terminate",
            "UserData": "\n".join(["#!/bin/bash", *lines, ""]),
            **more,
        }
        (instance,) = ec2.run_instances(**request)["Instances"]
        started.append(Started(ec2, instance["InstanceId"]))
        return started[-1], instance

    yield start
    ec2.terminate_instances(InstanceIds=[instance.id for instance in started])
