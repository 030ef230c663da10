"""The feature group of image records: made once, extended, and never made anew."""

import dataclasses

import pytest
import records

from errors import BreedlineError
from provision.features import EMBEDDED, FEATURES, features_of, plan_features
from tests.provision.in_process import SageMakerClient

NAME = "breedline-images"


@pytest.fixture
def changed(local):
    """The settings with other values under [features]."""

    def change(**values):
        features = dataclasses.replace(local.features, **{"enabled": True, **values})
        return dataclasses.replace(local, features=features)

    return change


@pytest.fixture
def sagemaker(clients):
    return clients("sagemaker")


def features_of_plan(changes):
    return [change for change in changes if change.resource == "feature-group"]


def test_the_group_has_both_stores_our_tags_and_the_jobs_role(upsert, sagemaker, changed):
    loaded = changed(ttl_days=30)
    upsert(loaded)
    made = sagemaker.features[NAME]
    assert {f["FeatureName"]: f["FeatureType"] for f in made["FeatureDefinitions"]} == {
        **FEATURES,
        **EMBEDDED,
    }
    lifetime = {"Unit": "Days", "Value": 30}
    assert made["OnlineStoreConfig"] == {"EnableOnlineStore": True, "TtlDuration": lifetime}
    storage = made["OfflineStoreConfig"]["S3StorageConfig"]
    assert storage == {"S3Uri": f"s3://{loaded.bucket}/features"}
    assert made["RoleArn"] == loaded.jobs_role_arn
    assert sagemaker.tags[made["FeatureGroupArn"]] == loaded.tags


def test_a_second_upsert_leaves_it_alone(upsert, replan, changed):
    upsert(changed())
    assert replan(changed()) == []


def test_without_the_setting_there_is_no_group(upsert, sagemaker, changed):
    assert features_of_plan(r.change for r in upsert(changed(enabled=False))) == []
    assert sagemaker.features == {}


def test_what_the_group_lacks_is_added(upsert, replan, sagemaker, changed):
    upsert(changed())
    made = sagemaker.features[NAME]
    theirs = {"FeatureName": "breed", "FeatureType": "String"}
    kept = [each for each in made["FeatureDefinitions"] if each["FeatureName"] != "bytes"]
    made["FeatureDefinitions"] = [*kept, theirs]
    sagemaker.tags[made["FeatureGroupArn"]].pop("owner")
    (change,) = replan(changed(ttl_days=7))
    assert change.reason == "features, tags, ttl days differ"
    upsert(changed(ttl_days=7))
    assert replan(changed(ttl_days=7)) == []
    assert theirs in sagemaker.features[NAME]["FeatureDefinitions"]


def test_a_group_that_was_made_without_embeddings_gets_them(upsert, replan, sagemaker, changed):
    upsert(changed(embedding=False))
    made = sagemaker.features[NAME]
    assert {f["FeatureName"] for f in made["FeatureDefinitions"]} == {*FEATURES}
    (change,) = features_of_plan(replan(changed()))
    assert (change.kind, change.reason) == ("update", "features differ")
    upsert(changed())
    added = made["FeatureDefinitions"][len(FEATURES) :]
    assert {f["FeatureName"]: f["FeatureType"] for f in added} == EMBEDDED
    assert features_of_plan(replan(changed())) == []


def test_embeddings_that_are_there_stay_where_nobody_wants_more(upsert, replan, changed):
    upsert(changed())
    assert features_of_plan(replan(changed(embedding=False))) == []


def test_a_network_without_weights_asks_for_no_features(changed):
    loaded = changed()
    bare = dataclasses.replace(loaded.model, backbone="resnet18")
    assert features_of(dataclasses.replace(loaded, model=bare)) == FEATURES
    weighty = dataclasses.replace(bare, pretrained_uri="s3://weights/r18.pt")
    assert features_of(dataclasses.replace(loaded, model=weighty)) == FEATURES | EMBEDDED


def test_the_settings_key_encrypts_both_stores(upsert, clients, sagemaker, changed):
    key = clients("kms").create_key()["KeyMetadata"]
    clients("kms").create_alias(AliasName="alias/photos", TargetKeyId=key["KeyId"])
    loaded = changed()
    loaded = dataclasses.replace(
        loaded, aws=dataclasses.replace(loaded.aws, kms_key="alias/photos")
    )
    upsert(loaded)
    made = sagemaker.features[NAME]
    assert made["OnlineStoreConfig"]["SecurityConfig"] == {"KmsKeyId": key["Arn"]}
    assert made["OfflineStoreConfig"]["S3StorageConfig"]["KmsKeyId"] == key["Arn"]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({}, {"online": False}, "its online is for ever True, not False"),
        ({"offline": False}, {}, "its offline is for ever '', not 's3://"),
        ({}, {"role": "writer"}, "its role is for ever .* not 'arn:aws:iam::.*:role/writer'"),
        ({"ttl_days": 3}, {}, "its ttl_days is for ever 3, not 0"),
    ],
)
def test_what_nobody_can_change_is_refused_before_anything_is_done(
    upsert, clients, changed, before, after, words
):
    upsert(changed(**before))
    with pytest.raises(BreedlineError, match=words):
        list(plan_features(clients, changed(**after)))


def test_a_feature_of_another_type_is_refused(upsert, clients, sagemaker, changed):
    upsert(changed())
    for each in sagemaker.features[NAME]["FeatureDefinitions"]:
        if each["FeatureName"] == "width":
            each["FeatureType"] = "Fractional"
    with pytest.raises(BreedlineError, match="the feature width is for ever 'Fractional'"):
        list(plan_features(clients, changed()))


def test_a_group_that_could_not_be_made_is_one_sentence(upsert, sagemaker, changed, monkeypatch):
    failed = {"FeatureGroupStatus": "CreateFailed", "FailureReason": "no access to the bucket"}
    describe = sagemaker.describe_feature_group
    monkeypatch.setattr(sagemaker, "describe_feature_group", lambda **n: describe(**n) | failed)
    with pytest.raises(BreedlineError, match="could not be made .no access to the bucket.; delete"):
        upsert(changed())


def test_the_embedded_aws_accepts_what_is_asked_for(clients, changed):
    from provision.change import Clients
    from provision.features import apply_features

    sagemaker = SageMakerClient()
    embedded = Clients(lambda service: sagemaker if service == "sagemaker" else clients(service))
    loaded = changed(ttl_days=1)
    (change,) = plan_features(embedded, loaded)
    assert apply_features(dataclasses.replace(embedded, sleep=lambda _: None), change).endswith(
        NAME
    )
    assert [c.kind for c in plan_features(embedded, loaded)] == ["no-op"]


def test_prepare_writes_the_features_that_the_group_has():
    assert tuple(FEATURES) == records.FEATURES
    assert tuple(EMBEDDED) == records.EMBEDDED
