"""One embedded AWS for the stacks of a file, and a small hand for them."""

import json
import time

import boto3
import pytest

from local.connection import ensure_server, stop_server

REGION = "eu-west-1"
PATIENCE = 60  # seconds


class Hand:
    """Works with stacks as a client does."""

    def __init__(self, folder):
        self.folder = folder
        self.start()

    def start(self):
        self.connection, _ = ensure_server(self.folder, REGION)
        self._clients = {}

    def client(self, service):
        if service not in self._clients:
            options = self.connection.client_options()
            self._clients[service] = boto3.client(service, **options)
        return self._clients[service]

    def propose(self, name, resources, kind="CREATE", **more):
        """A change set; returns its description."""
        body = more.pop("body", None) or json.dumps({"Resources": resources, **more})
        cloudformation = self.client("cloudformation")
        made = cloudformation.create_change_set(
            StackName=name,
            ChangeSetName=f"set-{time.monotonic_ns()}",
            ChangeSetType=kind,
            TemplateBody=body,
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        return cloudformation.describe_change_set(ChangeSetName=made["Id"])

    def bring(self, name, resources, kind="CREATE", **more):
        """Propose and execute; returns the stack when nothing is under way any more."""
        change_set = self.propose(name, resources, kind, **more)
        self.client("cloudformation").execute_change_set(ChangeSetName=change_set["ChangeSetId"])
        return self.settled(name)

    def settled(self, name):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            (stack,) = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
            if not stack["StackStatus"].endswith("IN_PROGRESS"):
                return stack
            time.sleep(0.05)
        raise AssertionError(f"{name} is still {stack['StackStatus']}")

    def physical(self, name):
        listed = self.client("cloudformation").describe_stack_resources(StackName=name)
        return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in listed["StackResources"]}


@pytest.fixture(scope="module")
def hand(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stacks") / "state"
    yield Hand(folder)
    stop_server(folder)
