"""The table of locks: on demand, recoverable, encrypted with the settings' key."""

import dataclasses

import pytest

from errors import BreedlineError
from provision.tables import plan_table

NAME = "breedline-locks"


@pytest.fixture
def key(clients):
    kms = clients("kms")
    made = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/breedline", TargetKeyId=made["KeyId"])
    return made["Arn"]


def test_the_table_is_on_demand_recoverable_and_tagged(upsert, clients, local):
    upsert()
    dynamodb = clients("dynamodb")
    table = dynamodb.describe_table(TableName=NAME)["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == [{"AttributeName": "Name", "KeyType": "HASH"}]
    backups = dynamodb.describe_continuous_backups(TableName=NAME)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    tags = dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == local.tags


def test_an_alias_of_a_key_is_compared_as_the_key_it_stands_for(
    upsert, replan, clients, local, key
):
    loaded = dataclasses.replace(
        local, aws=dataclasses.replace(local.aws, kms_key="alias/breedline")
    )
    upsert(loaded)
    table = clients("dynamodb").describe_table(TableName=NAME)["Table"]
    assert table["SSEDescription"]["KMSMasterKeyArn"] == key
    assert replan(loaded) == []


def test_a_key_that_is_not_there_is_one_sentence(clients, local):
    loaded = dataclasses.replace(local, aws=dataclasses.replace(local.aws, kms_key="alias/lost"))
    with pytest.raises(BreedlineError, match="aws.kms_key 'alias/lost' is not in this account"):
        plan_table(clients, loaded)


def test_recovery_that_was_switched_off_is_switched_on_again(upsert, replan, clients):
    upsert()
    clients("dynamodb").update_continuous_backups(
        TableName=NAME, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    (result,) = upsert()
    assert result.change.diff == ('point_in_time_recovery: "DISABLED" -> "ENABLED"',)
    assert replan() == []


def test_a_table_with_another_key_is_not_touched(clients, local):
    clients("dynamodb").create_table(
        TableName=NAME,
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with pytest.raises(BreedlineError, match="exists with another key than Name"):
        plan_table(clients, local)
