"""Policies for another account: put beside those of others, compared, and put once."""

from __future__ import annotations

import dataclasses
import json

import pytest

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


def test_where_there_is_no_partner_no_policy_is_looked_at(account, local):
    assert list(plan_promotion(account, local)) == []


def test_each_policy_is_put_once_and_beside_those_of_others(account, loaded):
    s3, place = account("s3"), {"LocationConstraint": loaded.aws.region}
    group = loaded.pipeline.model_package_group
    planned = list(plan_promotion(account, loaded))
    assert [change.kind for change in planned] == ["create"] * 3  # nothing is there yet
    s3.create_bucket(Bucket=loaded.bucket, CreateBucketConfiguration=place)
    s3.put_bucket_policy(Bucket=loaded.bucket, Policy=json.dumps({"Statement": [FOREIGN]}))
    account("sagemaker").create_model_package_group(ModelPackageGroupName=group)

    upsert(account, loaded)
    policy = json.loads(s3.get_bucket_policy(Bucket=loaded.bucket)["Policy"])
    sids = [statement["Sid"] for statement in policy["Statement"]]
    assert sids == ["OnlyTls", "PromotedObjects", "PromotedList"]
    found = account("sagemaker").get_model_package_group_policy(ModelPackageGroupName=group)
    assert TAKER in found["ResourcePolicy"]
    assert OTHER in account("events").describe_event_bus(Name="default")["Policy"]
    assert {change.kind for change in plan_promotion(account, loaded)} == {"no-op"}


def test_another_role_is_an_update_that_names_the_statement(account, loaded):
    place = {"LocationConstraint": loaded.aws.region}
    account("s3").create_bucket(Bucket=loaded.bucket, CreateBucketConfiguration=place)
    group = loaded.pipeline.model_package_group
    account("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    upsert(account, loaded)
    partners = dataclasses.replace(loaded.promotion, to_role=f"{TAKER}-2")
    changed = list(plan_promotion(account, dataclasses.replace(loaded, promotion=partners)))
    assert [(change.kind, change.name) for change in changed] == [
        ("update", group),
        ("update", loaded.bucket),
        ("no-op", "default"),
    ]
    (line,) = changed[0].diff
    assert line.startswith("Statement.PromotedVersions.Principal.AWS: ")


def test_destroy_takes_our_statement_off_the_bus_and_leaves_those_of_others(account, loaded, local):
    events = account("events")
    events.put_permission(Action="events:PutEvents", Principal="111122223333", StatementId="theirs")
    (bus,) = [change for change in plan_promotion(account, loaded) if change.name == "default"]
    apply_promotion(account, bus)
    assert list(find_promotion(account, local)) == []
    (found,) = find_promotion(account, loaded)
    assert (found.kind, found.name) == ("delete", "Promotion-local")
    delete_promotion(account, found)
    policy = json.loads(events.describe_event_bus(Name="default")["Policy"])
    assert [statement["Sid"] for statement in policy["Statement"]] == ["theirs"]
    assert list(find_promotion(account, loaded)) == []
