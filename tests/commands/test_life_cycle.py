"""An account from nothing to nothing: `bootstrap`, `upsert`, `destroy`, and kills on the way."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import itertools
import re

import pytest

import settings
from commands.bootstrap import bootstrap
from commands.destroy import destroy
from commands.session import Session
from provision.change import Clients
from tests.end_to_end.inventory import Inventory
from tests.provision.mortal import Killed, Mortal

NETWORK = """
[local.foundation]
network = true
monthly_budget_usd = 50
"""
YES = {"dry_run": False, "yes": True}


@pytest.fixture(scope="module")
def inventory(account):
    return Inventory(account.connection)


@pytest.fixture
def wishes(tmp_path):
    """The settings of an environment that has a network and a budget from its stack."""
    text = settings.ENVIRONMENTS.read_text(encoding="utf-8")
    path = tmp_path / "environments.toml"
    text = text.replace("[local.model]", f"{NETWORK}\n[local.model]", 1)
    text = text.replace("[local.alarms]", '[local.alarms]\nemails = ["a@example.com"]', 1)
    path.write_text(text, encoding="utf-8")
    return path


def alike(items):
    """The same for two stacks that differ in their id alone."""
    return {(name, re.sub(r"[0-9a-f-]{36}", "", item)) for name, item in items}


def listed(items):
    """In which lists something stands."""
    return {name for name, _ in items}


def test_all_commands_in_sequence_leave_the_account_as_empty_as_before(
    account, call, inventory, wishes
):
    where = ("--settings", str(wishes))
    before = inventory.read()
    for command in (
        ("bootstrap", "--yes"),
        ("diff",),
        ("upsert",),
        ("status",),
    ):
        done = call(*command, *where)
        assert (done.code, command) == (2 if command == ("diff",) else 0, command), done.err
    made = listed(inventory.read() - before)
    assert made >= {
        *("budgets DescribeBudgets", "cloudformation DescribeStacks", "cloudwatch DescribeAlarms"),
        *("dynamodb ListTables", "ec2 DescribeSecurityGroups", "ec2 DescribeVpcEndpoints"),
        *("ec2 DescribeVpcs", "events ListRules", "iam ListInstanceProfiles", "iam ListRoles"),
        *("lambda ListFunctions", "logs DescribeLogGroups", "s3 ListBuckets"),
        *("sagemaker ListFeatureGroups", "sagemaker ListModelPackageGroups"),
        *("sagemaker ListPipelines", "sns ListTopics", "sqs ListQueues"),
        "stepfunctions ListStateMachines",
    }
    destroying = ("destroy", "--yes", "--data", "--registry", *where)
    for last in (destroying, ("bootstrap", "--delete", "--yes", *where), destroying):
        done = call(*last)
        assert done.code == 0, done.err
    assert inventory.read() == before


@pytest.fixture
def person(account, tmp_path):
    """Calls commands with clients that die after so many calls that change something."""
    loaded = settings.load("local")
    # As few resources as there may be: which they are is CloudFormation's own.
    arn = "arn:aws:iam::123456789012:role/theirs"
    few = dataclasses.replace(
        loaded,
        aws=dataclasses.replace(loaded.aws, role_name="", role_arn=arn),
        foundation=dataclasses.replace(loaded.foundation, roles=False),
    )
    clients = Clients(functools.cache(account.client))

    def do(command, calls=float("inf"), **options):
        """Whether the command lived through it."""
        mortal = Mortal(clients, calls).clients()
        session = Session(few, lambda service, **_: mortal(service), tmp_path, False)
        try:
            assert command(session, argparse.Namespace(**YES, **options)) == 0
        except Killed:
            return False
        return True

    return do


def test_killed_after_any_call_a_second_bootstrap_ends_in_the_same_place(person, inventory):
    before = inventory.read()
    remove = {"delete": True}
    assert person(bootstrap, delete=False)
    whole = inventory.read()
    assert {"cloudformation DescribeStacks", "s3 ListBuckets"} <= listed(whole - before)
    lived = {"bootstrap": False, "delete": False}
    for calls in itertools.count():
        # The deletion too: what outlives the stack is let go of, or `destroy` would keep it.
        lived["delete"] = person(bootstrap, calls, **remove)
        assert person(bootstrap, **remove)
        assert person(destroy, data=True, registry=True)
        assert inventory.read() == before, f"deletion killed after {calls} calls"
        if all(lived.values()):
            break
        lived["bootstrap"] = person(bootstrap, calls, delete=False)
        assert person(bootstrap, delete=False)
        assert alike(inventory.read()) == alike(whole), f"killed after {calls} calls"
    assert calls >= 3
