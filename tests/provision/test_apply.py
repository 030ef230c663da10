"""Applying makes what the plan says, in its order, and leaves the rest alone."""

import dataclasses

import pytest

from pipeline.definition import render
from provision.apply import apply
from provision.pipelines import version_of
from provision.plan import plan


@pytest.fixture
def deploy(clients, local, described):
    def deploy_it(loaded=local):
        definition, packages = described(loaded)
        made = plan(clients, loaded, definition, packages)
        return apply(made, clients), definition

    return deploy_it


def test_the_bucket_is_private_encrypted_and_tagged(deploy, clients, local):
    deploy()
    s3 = clients.s3
    block = s3.get_public_access_block(Bucket=local.bucket)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    encryption = s3.get_bucket_encryption(Bucket=local.bucket)
    (rule,) = encryption["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    tags = s3.get_bucket_tagging(Bucket=local.bucket)["TagSet"]
    assert {"Key": "environment", "Value": "local"} in tags


def test_a_key_of_the_settings_encrypts_the_bucket(deploy, clients, local):
    aws = dataclasses.replace(local.aws, kms_key="alias/breedline")
    deploy(dataclasses.replace(local, aws=aws))
    encryption = clients.s3.get_bucket_encryption(Bucket=local.bucket)
    (rule,) = encryption["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == "alias/breedline"


def test_repairing_the_bucket_keeps_other_peoples_tags(deploy, clients, local):
    deploy()
    theirs = [{"Key": "budget", "Value": "theirs"}]
    clients.s3.put_bucket_tagging(Bucket=local.bucket, Tagging={"TagSet": theirs})
    deploy()
    tags = clients.s3.get_bucket_tagging(Bucket=local.bucket)["TagSet"]
    assert {tag["Key"] for tag in tags} == {"budget", "environment", "owner"}


def test_the_pipeline_is_created_with_its_definition_role_and_tags(deploy, clients, local):
    results, definition = deploy()
    made = clients.sagemaker.describe_pipeline("breedline")
    assert made["PipelineDefinition"] == render(definition)
    assert made["RoleArn"] == local.role_arn
    assert clients.sagemaker.tags[made["PipelineArn"]] == {
        "owner": "breedline",
        "environment": "local",
        "version": version_of(definition),
    }
    assert results[-1].detail == made["PipelineArn"]


def test_a_second_upsert_calls_nothing_that_changes(deploy, clients):
    deploy()
    clients.sagemaker.calls.clear()
    results, _ = deploy()
    assert results == []
    assert clients.sagemaker.calls == []


def test_a_changed_setting_updates_the_pipeline_and_its_version(deploy, clients, local):
    deploy()
    clients.sagemaker.calls.clear()
    model = dataclasses.replace(local.model, epochs=5)
    results, definition = deploy(dataclasses.replace(local, model=model))
    assert [result.change.resource for result in results] == ["pipeline"]
    assert clients.sagemaker.calls == ["update_pipeline", "add_tags"]
    arn = clients.sagemaker.describe_pipeline("breedline")["PipelineArn"]
    assert clients.sagemaker.tags[arn]["version"] == version_of(definition)


def test_each_change_is_reported_before_it_is_made(clients, local, described):
    definition, packages = described()
    seen: list[str] = []

    def report(change):
        seen.append(change.resource)
        if change.resource == "pipeline":
            assert "create_pipeline" not in clients.sagemaker.calls

    apply(plan(clients, local, definition, packages), clients, report)
    assert seen == ["bucket", *["code-package"] * 3, "model-package-group", "pipeline"]


def test_an_interrupted_apply_is_finished_by_the_next(clients, local, described):
    definition, packages = described()

    def stop_at_the_pipeline(change):
        if change.resource == "pipeline":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply(plan(clients, local, definition, packages), clients, stop_at_the_pipeline)
    rest = plan(clients, local, definition, packages)
    assert [change.resource for change in rest.changes if change.kind != "no-op"] == ["pipeline"]
