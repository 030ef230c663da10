"""Names derive from the settings and stay within what each service allows."""

from __future__ import annotations

import dataclasses
import re

import pytest

from statemachine.alarms import alarms
from statemachine.endpoint_config import deployed_name
from statemachine.names import ROLE_ACTORS, Names
from statemachine.rules import rules

LONGEST = "e" * 32  # as long as the settings allow an endpoint's name


@pytest.fixture
def longest(example):
    aws = dataclasses.replace(example.aws, region="ap-southeast-1")
    endpoint = dataclasses.replace(example.endpoint, name=LONGEST)
    return dataclasses.replace(example, aws=aws, endpoint=endpoint)


def test_the_longest_names_are_short_enough(longest):
    names = Names(longest)
    limits = {
        63: [deployed_name(longest, 999_999)],
        64: [names.predict, names.smoke_test, *(rule.name for rule in rules(longest))],
        80: [names.state_machine(kind) for kind in ("deploy", "rollback", "retrain")]
        + [names.queue],
        255: [alarm["AlarmName"] for alarm in alarms(longest)] + [names.table],
        256: [names.topic],
        1011: [names.parameter],
    }
    for limit, found in limits.items():
        assert [name for name in found if len(name) > limit] == []
    for actor in ROLE_ACTORS:
        assert len(names.made_role(actor)) <= 64
        assert re.fullmatch(r"[\w+=,.@-]+", names.made_role(actor))


def test_a_role_is_the_settings_own_or_the_made_one(example):
    def role(**given):
        roles = dataclasses.replace(example.roles, **given)
        return Names(dataclasses.replace(example, roles=roles)).role("workflow")

    account = "arn:aws:iam::111122223333:role"
    assert role() == f"{account}/breedline-eu-west-1-workflow"
    assert role(workflow="theirs") == f"{account}/theirs"
    assert (
        role(workflow="arn:aws:iam::123456789012:role/a/b") == "arn:aws:iam::123456789012:role/a/b"
    )


@pytest.mark.parametrize(
    ("region", "partition"),
    (("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")),
)
def test_arns_are_of_the_regions_partition(example, region, partition):
    aws = dataclasses.replace(example.aws, region=region)
    names = Names(dataclasses.replace(example, aws=aws))
    assert names.state_machine_arn("deploy") == (
        f"arn:{partition}:states:{region}:111122223333:stateMachine:breedline-deploy"
    )
    assert names.role("events").startswith(f"arn:{partition}:iam::111122223333:role/")
