"""Credentials that nobody can use: real clients of an address where nobody listens."""

from __future__ import annotations

import dataclasses
import socket

import boto3
import botocore.config
import botocore.session
import pytest

from provision.change import Clients
from provision.preflight.checks import run_checks
from provision.preflight.credentials import check_credentials


@pytest.fixture
def nowhere():
    """Clients of a port that nothing listens on, by the credentials they are to have."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

        def clients(**keys):
            session = botocore.session.Session()
            session.register_component("credential_provider", NoProvider())
            own = boto3.Session(botocore_session=session, region_name="eu-west-1", **keys)
            config = botocore.config.Config(retries={"total_max_attempts": 1})
            return Clients(lambda name: own.client(name, endpoint_url=url, config=config))

        yield clients


class NoProvider:
    """Where no profile, variable or instance gives credentials."""

    def load_credentials(self):
        return None


def test_none_at_all_are_a_fault(world, nowhere):
    (found,) = check_credentials(dataclasses.replace(world.subject, clients=nowhere()))
    assert (found.level, found.problem, found.remedy) == (
        "fault",
        "there are none",
        "run `aws configure`",
    )


def test_an_account_that_cannot_be_reached_is_one_fault(world, nowhere):
    clients = nowhere(aws_access_key_id="key", aws_secret_access_key="secret")
    checked = run_checks(dataclasses.replace(world.subject, clients=clients))
    found = [each for check in checked for each in check.findings]
    (fault,) = [each for each in found if each.level == "fault"]
    assert fault.about == "credentials"
    assert "Could not connect to the endpoint URL" in fault.problem
    assert "network and proxy" in fault.remedy
    assert {each.level for each in found} >= {"unchecked"}
