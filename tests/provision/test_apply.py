"""Applying makes what the plan says, in its order, and leaves the rest alone."""

import dataclasses
from functools import partial

import pytest

from pipeline.definition import render
from provision.apply import apply
from provision.pipelines import version_of
from provision.plan import plan
from tests.provision.mortal import Killed, Mortal, in_a_fork


def test_the_bucket_is_private_encrypted_and_tagged(upsert, clients, local):
    upsert()
    s3 = clients("s3")
    block = s3.get_public_access_block(Bucket=local.bucket)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    encryption = s3.get_bucket_encryption(Bucket=local.bucket)
    (rule,) = encryption["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    tags = s3.get_bucket_tagging(Bucket=local.bucket)["TagSet"]
    assert {"Key": "environment", "Value": "local"} in tags


def test_a_key_of_the_settings_encrypts_the_bucket(upsert, clients, local):
    key = clients("kms").create_key()["KeyMetadata"]["KeyId"]
    clients("kms").create_alias(AliasName="alias/breedline", TargetKeyId=key)
    aws = dataclasses.replace(local.aws, kms_key="alias/breedline")
    upsert(dataclasses.replace(local, aws=aws))
    encryption = clients("s3").get_bucket_encryption(Bucket=local.bucket)
    (rule,) = encryption["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == "alias/breedline"


def test_repairing_the_bucket_keeps_other_peoples_tags(upsert, clients, local):
    upsert()
    theirs = [{"Key": "budget", "Value": "theirs"}]
    clients("s3").put_bucket_tagging(Bucket=local.bucket, Tagging={"TagSet": theirs})
    upsert()
    tags = clients("s3").get_bucket_tagging(Bucket=local.bucket)["TagSet"]
    assert {tag["Key"] for tag in tags} == {"budget", "environment", "owner"}


def test_the_pipeline_is_created_with_its_definition_role_and_tags(
    upsert, clients, local, described
):
    upsert()
    definition, sagemaker = described().pipeline, clients("sagemaker")
    made = sagemaker.describe_pipeline("breedline")
    assert made["PipelineDefinition"] == render(definition)
    assert made["RoleArn"] == local.role_arn
    assert sagemaker.tags[made["PipelineArn"]] == {
        "owner": "breedline",
        "environment": "local",
        "version": version_of(definition),
    }


def test_a_second_upsert_calls_nothing_that_changes(upsert, clients):
    upsert()
    clients("sagemaker").calls.clear()
    assert upsert() == []
    assert clients("sagemaker").calls == []


def test_a_changed_setting_updates_the_pipeline_and_its_version(upsert, clients, local, described):
    upsert()
    sagemaker = clients("sagemaker")
    sagemaker.calls.clear()
    changed = dataclasses.replace(local, model=dataclasses.replace(local.model, epochs=5))
    results = upsert(changed)
    assert [result.change.resource for result in results] == ["pipeline"]
    assert sagemaker.calls == ["update_pipeline", "add_tags"]
    arn = sagemaker.describe_pipeline("breedline")["PipelineArn"]
    assert sagemaker.tags[arn]["version"] == version_of(described(changed).pipeline)


def test_each_change_is_reported_before_it_is_made(clients, local, described):
    seen: list[str] = []

    def report(change):
        seen.append(change.resource)
        if change.resource == "pipeline":
            assert "create_pipeline" not in clients("sagemaker").calls

    made = plan(clients, local, described())
    apply(made, clients, report)
    assert seen == [change.resource for change in made.changes]


def test_a_failure_in_the_middle_leaves_the_rest_for_the_next_upsert(
    clients, local, described, replan
):
    planned = plan(clients, local, described())

    def stop_at_the_topic(change):
        if change.resource == "topic":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply(planned, clients, stop_at_the_topic)
    places = [change.resource for change in planned.changes]
    rest = [change.resource for change in replan()]
    assert rest == places[places.index("topic") :]


def test_whoever_comes_second_finds_everything_made_and_ends_well(
    clients, local, described, replan
):
    made_by_both = plan(clients, local, described())
    apply(made_by_both, clients)
    assert len(apply(made_by_both, clients)) == len(made_by_both.changes)  # all of them "create"
    assert replan() == []


def test_the_later_of_two_upserts_at_once_wins(clients, local, described, replan):
    function = dataclasses.replace(local.function, memory_mb=1024)
    other = dataclasses.replace(local, function=function)
    first = plan(clients, local, described())
    second = plan(clients, other, described(other))  # before the first has made anything
    apply(first, clients)
    apply(second, clients)
    assert replan(other) == []


def test_what_is_deleted_twice_is_gone(clients, local, upsert, described, replan):
    triggers = dataclasses.replace(local.triggers, retrain_schedule="rate(1 day)")
    limits = dataclasses.replace(local.alarms, min_confidence=0.5)
    upsert(dataclasses.replace(local, triggers=triggers, alarms=limits))
    planned_by_both = plan(clients, local, described())
    kinds = [change.kind for change in planned_by_both.changes]
    assert kinds.count("delete") == 2
    assert ", 2 to delete, " in str(planned_by_both)
    for _ in range(2):
        apply(planned_by_both, clients)
    assert replan() == []


def test_killed_after_any_call_a_second_upsert_ends_in_the_same_place(clients, local, described):
    documents = described()

    def killed_after(calls):
        mortal = Mortal(clients, calls).clients()
        try:
            apply(plan(mortal, local, documents), mortal)
        except Killed:
            apply(plan(clients, local, documents), clients)
            return plan(clients, local, documents).is_empty
        return "it ended"

    outcomes, calls = [], 0
    while (outcome := in_a_fork(partial(killed_after, calls))) != "it ended":
        outcomes.append(outcome)
        calls += 1
    assert calls > 40
    assert outcomes == [True] * calls
