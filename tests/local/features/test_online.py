"""Records by the runtime's API: the newest counts, whenever it comes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def photos(world):
    world.create()
    return world


def test_a_record_is_read_as_it_was_put(photos):
    photos.put("a", label="pug", width=12, score=0.5)
    assert photos.get("a") == {
        "record_id": "a",
        "event_time": "2026-05-01T10:00:00Z",
        "label": "pug",
        "width": "12",
        "score": "0.5",
    }
    assert photos.get("a", FeatureNames=["width", "label"]) == {"width": "12", "label": "pug"}
    assert photos.get("b") == {}


def test_only_a_newer_record_replaces_the_one_that_is_there(photos):
    photos.put("a", day=2, label="second")
    photos.put("a", day=1, label="first")
    photos.put("a", day=2, label="as old")
    assert photos.get("a")["label"] == "second"
    photos.put("a", day=3, width=7)
    assert photos.get("a")["width"] == "7"
    assert "label" not in photos.get("a")  # a put is a full over-write
    found = photos.query("SELECT label FROM {table} ORDER BY api_invocation_time, label")
    assert [row[0] for row in found] == ["as old", "first", "second", None]


def test_many_are_read_at_once_and_errors_stand_beside_them(photos):
    photos.put("a", label="pug")
    photos.put("b", label="husky")
    answer = photos.records.batch_get_record(
        Identifiers=[
            {
                "FeatureGroupName": "photos",
                "RecordIdentifiersValueAsString": ["a", "b", "none"],
                "FeatureNames": ["label"],
            },
            {"FeatureGroupName": "cats", "RecordIdentifiersValueAsString": ["a"]},
        ]
    )
    found = {r["RecordIdentifierValueAsString"]: r["Record"] for r in answer["Records"]}
    assert found == {
        "a": [{"FeatureName": "label", "ValueAsString": "pug"}],
        "b": [{"FeatureName": "label", "ValueAsString": "husky"}],
    }
    assert [(e["FeatureGroupName"], e["ErrorCode"]) for e in answer["Errors"]] == [
        ("cats", "ResourceNotFound")
    ]


def test_a_group_may_be_meant_by_its_arn(photos):
    arn = photos.api.describe_feature_group(FeatureGroupName="photos")["FeatureGroupArn"]
    photos.put("a", group=arn, label="pug")
    assert photos.get("a", group=arn)["label"] == "pug"


def delete(world, identifier, day, **more):
    world.records.delete_record(
        FeatureGroupName="photos",
        RecordIdentifierValueAsString=identifier,
        EventTime=f"2026-05-{day:02}T10:00:00Z",
        **more,
    )


def test_a_soft_delete_hides_the_record_until_a_newer_one_comes(photos):
    photos.put("a", day=2, label="pug")
    delete(photos, "a", day=1)
    assert photos.get("a")["label"] == "pug"
    delete(photos, "a", day=5)
    assert photos.get("a") == {}
    photos.put("a", day=4, label="late")
    assert photos.get("a") == {}
    photos.put("a", day=6, label="back")
    assert photos.get("a")["label"] == "back"
    marks = photos.query("SELECT event_time, label FROM {table} WHERE is_deleted ORDER BY 1")
    assert marks == [["2026-05-01T10:00:00Z", None], ["2026-05-05T10:00:00Z", None]]


def test_a_hard_delete_forgets_the_record_and_its_time(photos):
    photos.put("a", day=2, label="pug")
    with pytest.raises(ClientError, match="not later than the record's own"):
        delete(photos, "a", day=2, DeletionMode="HardDelete")
    delete(photos, "a", day=3, DeletionMode="HardDelete")
    assert photos.get("a") == {}
    photos.put("a", day=1, label="older")
    assert photos.get("a")["label"] == "older"
    assert photos.query("SELECT count(*) FROM {table} WHERE is_deleted") == [["1"]]


def test_a_record_expires_by_its_own_lifetime_or_the_groups(world):
    world.clock[0] = 1_777_630_000  # 2026-05-01, shortly after ten
    day = {"Unit": "Days", "Value": 1}
    world.create(OnlineStoreConfig={"EnableOnlineStore": True, "TtlDuration": day})
    world.put("a", label="pug")
    record = [
        {"FeatureName": "record_id", "ValueAsString": "b"},
        {"FeatureName": "event_time", "ValueAsString": "2026-05-01T10:00:00Z"},
    ]
    longer = {"Unit": "Weeks", "Value": 1}
    world.records.put_record(FeatureGroupName="photos", Record=record, TtlDuration=longer)
    told = world.records.get_record(
        FeatureGroupName="photos",
        RecordIdentifierValueAsString="a",
        ExpirationTimeResponse="Enabled",
    )
    assert told["ExpiresAt"] == "2026-05-02T10:00:00Z"
    world.clock[0] += 86_400
    assert world.get("a") == {}
    assert world.get("b")["record_id"] == "b"


def test_identifiers_are_listed_a_page_at_a_time(photos):
    for name in "cab":
        photos.put(name)
    delete(photos, "b", day=2)
    first = photos.records.list_records(FeatureGroupName="photos", MaxResults=1)
    assert first["RecordIdentifiers"] == ["a"]
    more = {"NextToken": first["NextToken"], "IncludeSoftDeletedRecords": True}
    second = photos.records.list_records(FeatureGroupName="photos", **more)
    assert second["RecordIdentifiers"] == ["b", "c"]
    assert "NextToken" not in second


def test_a_list_of_numbers_is_a_value_too(world):
    vector: dict[str, Any] = {
        "FeatureName": "v",
        "FeatureType": "Fractional",
        "CollectionType": "Vector",
    }
    vector["CollectionConfig"] = {"VectorConfig": {"Dimension": 2}}
    names = [{"FeatureName": n, "FeatureType": "String"} for n in ("record_id", "event_time")]
    world.create(FeatureDefinitions=[*names, vector])
    record = [
        {"FeatureName": "record_id", "ValueAsString": "a"},
        {"FeatureName": "event_time", "ValueAsString": "2026-05-01T10:00:00.250Z"},
        {"FeatureName": "v", "ValueAsStringList": ["0.5", "2"]},
    ]
    world.records.put_record(FeatureGroupName="photos", Record=record)
    answer = world.records.get_record(
        FeatureGroupName="photos", RecordIdentifierValueAsString="a", FeatureNames=["v"]
    )
    assert answer["Record"] == [{"FeatureName": "v", "ValueAsStringList": ["0.5", "2"]}]
    assert world.query("SELECT v, v[2] + 1 FROM {table}") == [["[0.5, 2.0]", "3.0"]]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"colour": "red"}, "has no feature 'colour'; it has record_id"),
        ({"width": "12.5"}, "'width' is Integral, which '12.5' is not"),
        ({"score": "high"}, "'score' is Fractional, which 'high' is not"),
        ({"event_time": "yesterday"}, "'yesterday' has none of the forms"),
        ({"label": "x" * 400_000}, "358400"),
    ],
)
def test_a_record_that_does_not_fit_is_refused(photos, values, words):
    with pytest.raises(ClientError, match=words) as refused:
        photos.put("a", **values)
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert photos.get("a") == {}


def test_a_record_needs_its_identifier_and_its_time(photos):
    record = [{"FeatureName": "record_id", "ValueAsString": "a"}]
    with pytest.raises(ClientError, match="no value for the feature 'event_time'"):
        photos.records.put_record(FeatureGroupName="photos", Record=record)
    twice = [*record, *record, {"FeatureName": "event_time", "ValueAsString": "2026-05-01"}]
    with pytest.raises(ClientError, match="names the feature 'record_id' twice"):
        photos.records.put_record(FeatureGroupName="photos", Record=twice)


def test_a_store_that_the_group_lacks_is_refused(world):
    world.create("offline", OnlineStoreConfig=None)
    world.create("online", OfflineStoreConfig=None)
    with pytest.raises(ClientError, match="has no online store"):
        world.get("a", group="offline")
    record = [
        {"FeatureName": "record_id", "ValueAsString": "a"},
        {"FeatureName": "event_time", "ValueAsString": "2026-05-01T10:00:00Z"},
    ]
    with pytest.raises(ClientError, match="has no OfflineStore; it has OnlineStore"):
        world.records.put_record(
            FeatureGroupName="online", Record=record, TargetStores=["OfflineStore"]
        )
    with pytest.raises(ClientError) as refused:
        world.put("a", group="nowhere")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFound"


def test_what_is_not_run_is_refused_by_name(photos):
    with pytest.raises(ClientError, match="no POST /BatchWriteRecord; it knows PutRecord"):
        photos.records.batch_write_record(
            Entries=[
                {
                    "FeatureGroupName": "photos",
                    "Record": [{"FeatureName": "record_id", "ValueAsString": "a"}],
                }
            ]
        )
