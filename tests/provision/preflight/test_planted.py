"""Faults planted in a sound account in a network: each is one finding, and all together are all."""

import json

import pytest

LAYERS = "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*"


def endpoint_without_our_bucket(world):
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": LAYERS}
    world.put_policy("s3", allow)


def endpoint_without_records(world):
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sagemaker:GetRecord", "Resource": "*"}
    world.put_policy("sagemaker.featurestore-runtime", allow)


def endpoints_closed_to_jobs(world):
    world.close_endpoints()


def hosts_apart(world):
    world.keep_apart()


def data_denied(world):
    jobs = {"AWS": world.settings.jobs_role_arn}
    statement = {"Effect": "Deny", "Principal": jobs, "Action": "s3:GetObject"}
    statement["Resource"] = "arn:aws:s3:::pictures/*"
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    world.clients("s3").put_bucket_policy(Bucket="pictures", Policy=policy)


def key_for_somebody_else(world):
    kms = world.clients("kms")
    other = {"AWS": "arn:aws:iam::123456789012:role/admin"}
    allow = {"Effect": "Allow", "Principal": other, "Action": "kms:*", "Resource": "*"}
    key = kms.describe_key(KeyId=world.settings.aws.kms_key)["KeyMetadata"]["KeyId"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)


def marker_that_nobody_hears(world):
    world.clients("s3").put_object(Bucket="pictures", Key="animals/_READY", Body=b"")


def bucket_that_tells_nobody(world):
    s3, name = world.clients("s3"), world.settings.bucket
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": world.settings.aws.kms_key}
    rule = {"ApplyServerSideEncryptionByDefault": encryption}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    tags = [{"Key": "foundation", "Value": "breedline-foundation"}]
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})


def role_without_an_action(world):
    iam, name = world.clients("iam"), "breedline-execution"
    policy = iam.get_role_policy(RoleName=name, PolicyName="p")["PolicyDocument"]
    denied = {"Effect": "Deny", "Action": "sagemaker:CreateTrainingJob", "Resource": "*"}
    document = {**policy, "Statement": [*policy["Statement"], denied]}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(document))


PLANTED = {
    endpoint_without_our_bucket: ("endpoint policies", "fault"),
    endpoint_without_records: ("endpoint policies", "fault"),
    endpoints_closed_to_jobs: ("security groups", "fault"),
    hosts_apart: ("security groups", "fault"),
    data_denied: ("bucket policies", "fault"),
    key_for_somebody_else: ("key policy", "fault"),
    marker_that_nobody_hears: ("triggers", "warning"),
    bucket_that_tells_nobody: ("triggers", "warning"),
    role_without_an_action: ("permissions of the roles", "fault"),
}


def said(world):
    """(check, level) of every finding but of images, of which moto has none."""
    return sorted(
        (check, finding.level)
        for check, findings in world.check().items()
        for finding in findings
        if check != "images"
    )


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_one_planted_fault_is_one_finding(sound, plant):
    plant(sound)
    assert said(sound) == [PLANTED[plant]]


def test_all_planted_faults_are_as_many_findings(sound):
    for plant in PLANTED:
        plant(sound)
    assert said(sound) == sorted(PLANTED.values())
