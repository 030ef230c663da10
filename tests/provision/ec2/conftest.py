"""An account of moto's own, in which nothing runs."""

import boto3
import pytest
from moto import mock_aws

import settings
from provision.change import Clients


@pytest.fixture(scope="session")
def loaded():
    return settings.load("local")


@pytest.fixture
def clients(loaded):
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    with mock_aws():
        made = {}

        def make(service):
            if service not in made:
                made[service] = boto3.client(service, loaded.aws.region, **keys)
            return made[service]

        yield Clients(make, sleep=lambda seconds: None)
