"""A bucket that encrypts with a key asks for the key, as S3 does in the caller's name."""

import boto3
import pytest
from moto import mock_aws

from local.iam.bucket_keys import key_needs, key_of_bucket
from local.iam.needs import Need, Place
from local.iam.tables import TABLES

REGION, ALIAS = "eu-west-1", "alias/photos"
PLACE = Place("123456789012", REGION)


@pytest.fixture(params=["alias", "ARN", "id"])
def key(request):
    """The ARN of the key with which the bucket `photos` encrypts, however it is named there."""
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    with mock_aws():
        kms = boto3.client("kms", region_name=REGION, **keys)
        made = kms.create_key()["KeyMetadata"]
        kms.create_alias(AliasName=ALIAS, TargetKeyId=made["KeyId"])
        s3 = boto3.client("s3", region_name=REGION, **keys)
        for name in ("photos", "plain"):
            place = {"LocationConstraint": REGION}
            s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
        named = {"alias": ALIAS, "ARN": made["Arn"], "id": made["KeyId"]}[request.param]
        rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": named}
        rules = [{"ApplyServerSideEncryptionByDefault": rule}]
        s3.put_bucket_encryption(
            Bucket="photos", ServerSideEncryptionConfiguration={"Rules": rules}
        )
        yield made["Arn"]


def asked(operation, bucket, **more):
    """What an operation on an object needs of KMS."""
    found = list(TABLES["s3"][operation](PLACE, {"Bucket": bucket, "Key": "a.jpg", **more}))
    return list(key_needs(found, PLACE, key_of_bucket))


def test_reading_needs_to_decrypt_and_writing_needs_a_data_key(key):
    context = {"kms:ResourceAliases": [ALIAS], "kms:ViaService": f"s3.{REGION}.amazonaws.com"}
    assert asked("GetObject", "photos") == [Need("kms:Decrypt", key, context)]
    assert asked("PutObject", "photos") == [Need("kms:GenerateDataKey", key, context)]
    copied = asked("CopyObject", "plain", CopySource="photos/b.jpg")
    assert [need.action for need in copied] == ["kms:Decrypt"]


def test_a_bucket_without_a_key_and_what_is_no_object_ask_for_nothing(key):
    assert asked("GetObject", "plain") == []
    assert asked("GetObject", "nobodys") == []
    assert asked("ListObjectsV2", "photos") == []
