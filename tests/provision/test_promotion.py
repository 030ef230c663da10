"""Policies for another account: put beside those of others, compared, and put once."""

from __future__ import annotations

import dataclasses
import json

import pytest
from botocore.exceptions import ClientError

from provision.change import Clients
from provision.promotion import apply_promotion, plan_promotion
from provision.teardown.promotion import delete_promotion, find_promotion
from settings.promotion import Promotion
from tests.provision.in_process import SageMakerClient

OTHER = "210987654321"
TAKER = f"arn:aws:iam::{OTHER}:role/prod-eu-west-1-workflow"
FOREIGN = {
    "Sid": "OnlyTls",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "arn:aws:s3:::bucket/*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


@pytest.fixture
def account(clients):
    sagemaker = SageMakerClient()
    return Clients(lambda name: sagemaker if name == "sagemaker" else clients(name))


@pytest.fixture
def loaded(local):
    partners = Promotion(
        from_account=OTHER,
        from_group="dev",
        from_bucket="their-bucket",
        to_account=OTHER,
        to_role=TAKER,
    )
    return dataclasses.replace(local, promotion=partners)


def upsert(account, loaded):
    for change in plan_promotion(account, loaded):
        if change.kind != "no-op":
            apply_promotion(account, change)


@pytest.fixture
def resources(account, loaded):
    """The bucket, with a statement of somebody else's, and the group."""
    s3, place = account("s3"), {"LocationConstraint": loaded.aws.region}
    s3.create_bucket(Bucket=loaded.bucket, CreateBucketConfiguration=place)
    s3.put_bucket_policy(Bucket=loaded.bucket, Policy=json.dumps({"Statement": [FOREIGN]}))
    group = loaded.pipeline.model_package_group
    account("sagemaker").create_model_package_group(ModelPackageGroupName=group)


def sids(text):
    return [statement["Sid"] for statement in json.loads(text)["Statement"]]


def test_where_there_never_was_a_partner_nothing_is_planned(account, local, resources):
    assert list(plan_promotion(account, local)) == []


def test_what_is_not_there_yet_is_to_be_created(account, loaded):
    assert [change.kind for change in plan_promotion(account, loaded)] == ["create"] * 3


def test_each_policy_is_put_once_and_beside_those_of_others(account, loaded, resources):
    upsert(account, loaded)
    policy = account("s3").get_bucket_policy(Bucket=loaded.bucket)["Policy"]
    assert sids(policy) == ["OnlyTls", "PromotedObjects-breedline", "PromotedList-breedline"]
    group = {"ModelPackageGroupName": loaded.pipeline.model_package_group}
    found = account("sagemaker").get_model_package_group_policy(**group)
    assert TAKER in found["ResourcePolicy"]
    assert OTHER in account("events").describe_event_bus(Name="default")["Policy"]
    assert {change.kind for change in plan_promotion(account, loaded)} == {"no-op"}


def test_another_role_is_an_update_that_names_the_statement(account, loaded, resources):
    upsert(account, loaded)
    partners = dataclasses.replace(loaded.promotion, to_role=f"{TAKER}-2")
    changed = list(plan_promotion(account, dataclasses.replace(loaded, promotion=partners)))
    assert [(change.kind, change.name) for change in changed] == [
        ("update", loaded.pipeline.model_package_group),
        ("update", loaded.bucket),
        ("no-op", "default"),
    ]
    (line,) = changed[0].diff
    assert line.startswith("Statement.PromotedVersions.Principal.AWS: ")


def revoked(account, loaded):
    """Nothing of ours is left, and all of others is."""
    group = {"ModelPackageGroupName": loaded.pipeline.model_package_group}
    with pytest.raises(ClientError, match="no resource policy"):
        account("sagemaker").get_model_package_group_policy(**group)
    assert sids(account("s3").get_bucket_policy(Bucket=loaded.bucket)["Policy"]) == ["OnlyTls"]
    assert sids(account("events").describe_event_bus(Name="default")["Policy"]) == ["theirs"]


@pytest.fixture
def theirs(account):
    """A statement of somebody else's on the bus."""
    account("events").put_permission(
        Action="events:PutEvents", Principal="111122223333", StatementId="theirs"
    )


def test_a_partner_that_is_gone_from_the_settings_loses_what_it_was_granted(
    account, loaded, local, resources, theirs
):
    upsert(account, loaded)
    planned = list(plan_promotion(account, local))
    assert [(change.kind, change.name) for change in planned] == [
        ("delete", loaded.pipeline.model_package_group),
        ("delete", loaded.bucket),
        ("delete", "default"),
    ]
    assert planned[0].diff[0].startswith("Statement.PromotedVersions: {")
    assert planned[0].diff[0].endswith("-> none")
    upsert(account, local)
    revoked(account, loaded)
    assert list(plan_promotion(account, local)) == []


def test_a_giver_that_is_gone_alone_is_not_heard_any_more(account, loaded, resources):
    upsert(account, loaded)
    partners = dataclasses.replace(loaded.promotion, from_account="", from_group="", from_bucket="")
    planned = plan_promotion(account, dataclasses.replace(loaded, promotion=partners))
    assert [change.kind for change in planned] == ["no-op", "no-op", "delete"]


def test_what_another_endpoint_of_the_account_grants_stays(account, loaded, local, resources):
    upsert(account, loaded)
    endpoint = dataclasses.replace(local.endpoint, name="another")
    pipeline = dataclasses.replace(local.pipeline, model_package_group="others")
    another = dataclasses.replace(local, endpoint=endpoint, pipeline=pipeline)
    assert list(plan_promotion(account, another)) == []
    assert list(find_promotion(account, another)) == []


@pytest.mark.parametrize("with_partner", [True, False])
def test_destroy_takes_our_statements_away_and_leaves_those_of_others(
    account, loaded, local, resources, theirs, with_partner
):
    upsert(account, loaded)
    found = list(find_promotion(account, loaded if with_partner else local))
    assert [change.kind for change in found] == ["delete"] * 3
    for change in found:
        delete_promotion(account, change)
    revoked(account, loaded)
    assert list(find_promotion(account, loaded)) == []
