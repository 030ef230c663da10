"""What the policies of buckets and keys say of the roles that are to use them."""

import json

import pytest
from botocore.exceptions import ClientError

from provision.preflight.resource_policies import check_bucket_policies, check_key_policy

ROLE = "arn:aws:iam::123456789012:role/jobs"


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def put_bucket(world, name, *statements):
    s3 = world.clients("s3")
    place = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    if statements:
        s3.put_bucket_policy(Bucket=name, Policy=policy(*statements))


def about(bucket, **changed):
    everything = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": everything}
    return {**deny, **changed}


def buckets(world):
    return [(one.level, one.about, one.problem) for one in check_bucket_policies(world.bare)]


def keys(world):
    return [(one.level, one.problem) for one in check_key_policy(world.bare)]


def refuse(world, monkeypatch, service, operation, code):
    def refused(**_):
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

    monkeypatch.setattr(world.clients(service), operation, refused)


def test_buckets_that_are_not_there_or_have_no_policy_are_no_finding(world):
    assert buckets(world) == []
    put_bucket(world, "pictures")
    assert buckets(world) == []


def test_a_policy_that_wants_tls_is_no_finding(world):
    tls = {"Bool": {"aws:SecureTransport": "false"}}
    put_bucket(world, "pictures", about("pictures", Condition=tls))
    assert buckets(world) == []


def test_a_data_bucket_that_denies_the_role_is_a_fault(world):
    denied = about("pictures", Principal={"AWS": ROLE}, Action="s3:GetObject")
    put_bucket(world, "pictures", denied)
    assert buckets(world) == [
        ("fault", "bucket pictures", f"its policy denies {ROLE} s3:GetObject")
    ]


def test_our_bucket_must_take_what_jobs_write(world):
    denied = about("breedline-artifacts", Principal={"AWS": ROLE}, Action="s3:Put*")
    put_bucket(world, "breedline-artifacts", denied)
    ((level, _, problem),) = buckets(world)
    assert (level, problem) == ("fault", f"its policy denies {ROLE} s3:PutObject")


@pytest.mark.parametrize("operation", ["head_bucket", "get_bucket_policy"])
def test_a_policy_that_may_not_be_read_is_unchecked(world, monkeypatch, operation):
    put_bucket(world, "pictures")
    refuse(world, monkeypatch, "s3", operation, "AccessDenied")
    ((level, name, problem),) = buckets(world)
    assert (level, name) == ("unchecked", "bucket pictures")
    assert problem == "it is another account's, or its policy may not be read"


def test_a_key_that_leaves_the_choice_to_the_account_is_no_finding(world):
    assert keys(world) == []
    world.put_key()
    assert keys(world) == []


def test_a_key_that_knows_somebody_else_alone_is_a_fault(world):
    world.put_key()
    other = {"AWS": "arn:aws:iam::123456789012:role/admin"}
    known = {"Effect": "Allow", "Principal": other, "Action": "kms:*", "Resource": "*"}
    key = world.clients("kms").describe_key(KeyId=world.settings.aws.kms_key)["KeyMetadata"]
    world.clients("kms").put_key_policy(
        KeyId=key["KeyId"], PolicyName="default", Policy=policy(known)
    )
    ((level, problem),) = keys(world)
    assert level == "fault"
    assert problem.startswith(f"its policy lets neither the account nor {ROLE} kms:CreateGrant")


def test_a_key_policy_that_may_not_be_read_is_unchecked(world, monkeypatch):
    world.put_key()
    refuse(world, monkeypatch, "kms", "get_key_policy", "AccessDeniedException")
    assert keys(world) == [("unchecked", "its policy may not be read (AccessDeniedException)")]
