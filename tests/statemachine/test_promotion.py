"""What two environments grant each other, and the machine and rules between them."""

from __future__ import annotations

import dataclasses
import json

import pytest

from errors import BreedlineError
from local.events.pattern import compile_pattern
from local.workflows.checks import problems_of
from settings.promotion import Promotion
from statemachine.definition import compile_machine, kinds, render
from statemachine.names import Names
from statemachine.policies import role_documents
from statemachine.promotion import promotion_documents
from statemachine.rules import rules

OURS, OTHER = "123456789012", "210987654321"
TAKER = f"arn:aws:iam::{OTHER}:role/prod-eu-west-1-workflow"


@pytest.fixture
def giver(local):
    return with_partner(local, to_account=OTHER, to_role=TAKER)


@pytest.fixture
def taker(local):
    return with_partner(local, from_account=OTHER, from_group="dev", from_bucket="their-bucket")


def with_partner(loaded, **given):
    return dataclasses.replace(loaded, promotion=Promotion(**given))


def statements(documents, resource):
    found = documents[resource]
    return found["Statement"] if isinstance(found, dict) else found


def test_without_a_partner_nothing_is_granted_and_nothing_more_is_made(local):
    assert promotion_documents(local) == {}
    assert "promote" not in kinds(local)
    with pytest.raises(BreedlineError, match=r"'local' takes no other's versions"):
        compile_machine("promote", local)


def test_the_giver_grants_reading_to_one_role_alone(giver):
    documents = promotion_documents(giver)
    assert sorted(documents) == ["bucket", "model-package-group", "roles"]
    granted = [*statements(documents, "bucket"), *statements(documents, "model-package-group")]
    assert {each["Principal"]["AWS"] for each in granted} == {TAKER}
    assert {each["Action"] for each in granted} == {
        "s3:GetObject",
        "s3:ListBucket",
        "sagemaker:DescribeModelPackage",
    }
    assert all(each["Resource"] != "*" for each in granted)


def test_a_key_of_the_givers_is_opened_to_that_role_through_s3_alone(giver):
    aws = dataclasses.replace(giver.aws, kms_key="alias/breedline")
    (statement,) = promotion_documents(dataclasses.replace(giver, aws=aws))["key"]
    assert (statement["Principal"], statement["Action"]) == ({"AWS": TAKER}, "kms:Decrypt")
    through = {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": through}


def test_the_takers_bus_hears_of_versions_from_the_giver_alone(taker):
    (statement,) = promotion_documents(taker)["event-bus"]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{OTHER}:root"}
    assert statement["Action"] == "events:PutEvents"
    assert statement["Condition"]["StringEquals"]["events:source"] == "aws.sagemaker"


def test_within_one_account_no_resource_needs_a_policy(local):
    same = with_partner(local, from_account=OURS, from_group="dev", from_bucket="dev-bucket")
    assert list(promotion_documents(same)) == ["roles"]
    role = f"arn:aws:iam::{OURS}:role/prod-eu-west-1-workflow"
    assert promotion_documents(with_partner(local, to_account=OURS, to_role=role)) == {}


def test_an_approval_is_forwarded_as_it_is(giver):
    forwarding = next(rule for rule in rules(giver) if rule.name.endswith("-forwarding"))
    (target,) = forwarding.targets
    assert target["Arn"] == f"arn:aws:events:eu-west-1:{OTHER}:event-bus/default"
    assert target["RoleArn"] == Names(giver).role("events")
    assert "InputTransformer" not in target
    assert forwarding.pattern is not None
    assert forwarding.pattern["detail"]["ModelApprovalStatus"] == ["Approved"]
    policy = role_documents(giver)["events"]["policy"]["Statement"]
    assert [each["Resource"] for each in policy if each["Action"] == ["events:PutEvents"]] == [
        [target["Arn"]]
    ]


def test_the_taker_starts_its_machine_for_the_givers_group_alone(taker):
    promotion = next(rule for rule in rules(taker) if rule.name.endswith("-promotion"))
    assert promotion.pattern is not None
    assert promotion.pattern["account"] == [OTHER]
    assert promotion.pattern["detail"]["ModelPackageGroupName"] == ["dev"]
    assert [each["Arn"] for each in promotion.targets] == [
        Names(taker).state_machine_arn("promote")
    ]


def test_a_version_approved_there_starts_no_deployment_here_though_the_groups_have_one_name(local):
    group = local.pipeline.model_package_group
    taker = with_partner(local, from_account=OTHER, from_group=group, from_bucket="their-bucket")
    event = {
        "account": OTHER,
        "source": "aws.sagemaker",
        "detail-type": "SageMaker Model Package State Change",
        "detail": {"ModelPackageGroupName": group, "ModelApprovalStatus": "Approved"},
    }

    def started(event):
        patterns = {rule.name: rule.pattern for rule in rules(taker) if rule.pattern}
        return {
            name.removeprefix(f"{taker.endpoint_name}-")
            for name, pattern in patterns.items()
            if compile_pattern(json.dumps(pattern)).matches(event)
        }

    assert started(event) == {"promotion"}
    assert started({**event, "account": OURS}) == {"approval"}


def test_the_machine_is_sound_and_its_role_may_do_what_it_does(taker):
    definition = compile_machine("promote", taker)
    assert problems_of(render(definition)) == []
    assert compile_machine("promote", taker) == definition
    allowed = {
        action
        for statement in role_documents(taker)["workflow"]["policy"]["Statement"]
        for action in statement["Action"]
    }
    # CopyObject reads there and writes here; ListObjectsV2 is a bucket's.
    assert allowed >= {
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
        "sagemaker:CreateModelPackage",
        "sagemaker:DescribeModelPackage",
        "sagemaker:ListModelPackages",
    }
