"""Feature groups: made, described, listed, extended, deleted, and refused with a reason."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.local.features.conftest import FEATURES

ONLINE = {"EnableOnlineStore": True}


def test_a_group_is_creating_and_then_created(world):
    world.create()
    world.clock[0] -= 1
    described = world.api.describe_feature_group(FeatureGroupName="photos")
    assert described["FeatureGroupStatus"] == "Creating"
    with pytest.raises(ClientError, match="still Creating"):
        world.put("a")
    world.clock[0] += 1
    described = world.api.describe_feature_group(FeatureGroupName="photos")
    assert described["FeatureGroupStatus"] == "Created"
    assert described["FeatureDefinitions"] == FEATURES


def test_the_offline_store_says_where_it_lies_and_which_table_it_is(world):
    world.create("My-Photos")
    described = world.api.describe_feature_group(FeatureGroupName="My-Photos")
    offline = described["OfflineStoreConfig"]
    made = int(described["CreationTime"].timestamp())
    place = f"123456789012/sagemaker/eu-west-1/offline-store/My-Photos-{made}/data"
    assert offline["S3StorageConfig"]["ResolvedOutputS3Uri"] == f"s3://store/features/{place}"
    assert offline["DataCatalogConfig"] == {
        "Catalog": "AwsDataCatalog",
        "Database": "sagemaker_featurestore",
        "TableName": f"my_photos_{made}",
    }
    assert described["OfflineStoreStatus"]["Status"] == "Active"


def test_groups_are_listed_by_what_is_asked(world):
    world.create("cats")
    world.create("dogs", OfflineStoreConfig=None)

    def names(**asked):
        answer = world.api.list_feature_groups(**asked)
        return [each["FeatureGroupName"] for each in answer["FeatureGroupSummaries"]]

    assert names() == ["dogs", "cats"]
    assert names(SortBy="Name", SortOrder="Ascending") == ["cats", "dogs"]
    assert names(NameContains="cat") == ["cats"]
    assert names(OfflineStoreStatusEquals="Active") == ["cats"]
    assert names(FeatureGroupStatusEquals="Creating") == []


def test_a_group_gets_further_features_and_another_lifetime(world):
    world.create()
    world.api.update_feature_group(
        FeatureGroupName="photos",
        FeatureAdditions=[{"FeatureName": "breed", "FeatureType": "String"}],
    )
    lifetime = {"TtlDuration": {"Unit": "Days", "Value": 3}}
    world.api.update_feature_group(FeatureGroupName="photos", OnlineStoreConfig=lifetime)
    described = world.api.describe_feature_group(FeatureGroupName="photos")
    assert described["FeatureDefinitions"][-1]["FeatureName"] == "breed"
    assert described["OnlineStoreConfig"]["TtlDuration"] == {"Unit": "Days", "Value": 3}
    assert described["LastUpdateStatus"]["Status"] == "Successful"
    with pytest.raises(ClientError, match="'breed' is defined twice"):
        world.api.update_feature_group(
            FeatureGroupName="photos",
            FeatureAdditions=[{"FeatureName": "breed", "FeatureType": "String"}],
        )


def test_a_feature_has_a_description_and_parameters(world):
    world.create()
    feature = {"FeatureGroupName": "photos", "FeatureName": "label"}
    world.api.update_feature_metadata(
        **feature, Description="the class", ParameterAdditions=[{"Key": "by", "Value": "hand"}]
    )
    world.api.update_feature_metadata(**feature, ParameterRemovals=["by", "nothing"])
    world.api.update_feature_metadata(
        **feature, ParameterAdditions=[{"Key": "team", "Value": "vision"}]
    )
    told = world.api.describe_feature_metadata(**feature)
    assert (told["Description"], told["FeatureType"]) == ("the class", "String")
    assert told["Parameters"] == [{"Key": "team", "Value": "vision"}]
    with pytest.raises(ClientError, match="has no feature colour"):
        world.api.describe_feature_metadata(FeatureGroupName="photos", FeatureName="colour")


def test_a_deleted_group_leaves_its_files_and_a_new_one_begins_empty(world):
    arn = world.create(Tags=[{"Key": "owner", "Value": "me"}])
    assert world.api.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "owner", "Value": "me"}]
    world.put("a", label="pug")
    world.api.delete_feature_group(FeatureGroupName="photos")
    assert len(world.backend.objects.list("store", "features/")) == 1
    with pytest.raises(ClientError) as refused:
        world.api.describe_feature_group(FeatureGroupName="photos")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFound"
    world.create()
    assert world.get("a") == {}
    assert world.query("SELECT * FROM {table}") == []
    assert world.api.list_tags(ResourceArn=arn)["Tags"] == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"RecordIdentifierFeatureName": "colour"}, "RecordIdentifierFeatureName 'colour' must be"),
        ({"EventTimeFeatureName": "width"}, "must be String .* or Fractional"),
        ({"OnlineStoreConfig": None, "OfflineStoreConfig": None}, "needs an OnlineStoreConfig or"),
        ({"RoleArn": None}, "needs a RoleArn"),
        (
            {"FeatureDefinitions": [*FEATURES, {"FeatureName": "Label", "FeatureType": "String"}]},
            "'label' is defined twice",
        ),
        (
            {"FeatureDefinitions": [{"FeatureName": "write_time", "FeatureType": "String"}]},
            "'write_time' is one of the store's own columns",
        ),
        ({"FeatureGroupName": "no good"}, "must match the pattern"),
        (
            {
                "OfflineStoreConfig": {
                    "S3StorageConfig": {"S3Uri": "s3://store/f"},
                    "TableFormat": "Iceberg",
                }
            },
            "no Iceberg tables",
        ),
        (
            {"OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://elsewhere/f"}}},
            "bucket 'elsewhere' does not exist; create it first",
        ),
        (
            {"OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "https://store/f"}}},
            "must begin with s3://",
        ),
    ],
)
def test_a_group_that_cannot_be_is_refused(world, change, words):
    name = change.get("FeatureGroupName", "photos")
    with pytest.raises(ClientError, match=words):
        world.create(name, **{k: v for k, v in change.items() if k != "FeatureGroupName"})
    assert world.api.list_feature_groups()["FeatureGroupSummaries"] == []


def test_a_taken_name_is_refused(world):
    world.create()
    with pytest.raises(ClientError, match="exists already") as refused:
        world.create()
    assert refused.value.response["Error"]["Code"] == "ResourceInUse"
