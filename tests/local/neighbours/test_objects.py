"""A bucket of another account: read and copied from by whom both sides let, by nobody else."""

import base64
import hashlib

import pytest
from botocore.exceptions import ClientError

from tests.local.neighbours.conftest import OTHER, let_in

BODY = b"weights" * 1000
READ = "arn:aws:s3:::theirs/shared/*"


@pytest.fixture(scope="module")
def taker(accounts):
    """The role of the taker's that the giver's bucket lets in; the object with an odd name."""
    giver, other = accounts
    s3 = giver.bucket("theirs")
    s3.put_object(Bucket="theirs", Key="shared/a b+ü.bin", Body=BODY, Metadata={"made-by": "giver"})
    s3.put_object(Bucket="theirs", Key="secret/1.bin", Body=b"x")
    other.bucket("ours")
    role = other.role(
        "taker",
        ("s3:GetObject", "arn:aws:s3:::theirs/*"),
        ("s3:ListBucket", "arn:aws:s3:::theirs"),
        ("s3:PutObject", "arn:aws:s3:::ours/*"),
        ("s3:GetObject", "arn:aws:s3:::ours/*"),
        ("s3:GetObject", "arn:aws:s3:::nobodys/*"),
    )
    policy = let_in(role, ["s3:GetObject", "s3:ListBucket"], [READ, "arn:aws:s3:::theirs"])
    s3.put_bucket_policy(Bucket="theirs", Policy=policy)
    return role


def test_what_both_sides_allow_is_read_listed_and_copied(accounts, taker):
    s3 = accounts[1].as_role("s3", taker)
    read = s3.get_object(Bucket="theirs", Key="shared/a b+ü.bin")
    assert (read["Body"].read(), read["Metadata"]) == (BODY, {"made-by": "giver"})
    assert s3.head_object(Bucket="theirs", Key="shared/a b+ü.bin")["ContentLength"] == len(BODY)
    part = s3.get_object(Bucket="theirs", Key="shared/a b+ü.bin", Range="bytes=0-6")
    assert part["Body"].read() == b"weights"
    listed = s3.list_objects_v2(Bucket="theirs", Prefix="shared/")["Contents"]
    assert [each["Key"] for each in listed] == ["shared/a b+ü.bin"]

    copied = s3.copy_object(
        Bucket="ours",
        Key="copied.bin",
        CopySource={"Bucket": "theirs", "Key": "shared/a b+ü.bin"},
        ChecksumAlgorithm="SHA256",
    )
    digest = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    assert copied["CopyObjectResult"]["ChecksumSHA256"] == digest
    ours = s3.get_object(Bucket="ours", Key="copied.bin", ChecksumMode="ENABLED")
    assert (ours["Body"].read(), ours["ChecksumSHA256"]) == (BODY, digest)
    assert ours["Metadata"] == {"made-by": "giver"}
    # What was lent to the copy is gone again.
    names = [each["Name"] for each in accounts[1].client("s3").list_buckets()["Buckets"]]
    assert names == ["ours"]


def refused(call):
    with pytest.raises(ClientError) as error:
        call()
    return error.value.response["Error"]


def test_what_the_bucket_does_not_give_is_refused_by_the_bucket(accounts, taker):
    s3 = accounts[1].as_role("s3", taker)
    said = refused(lambda: s3.get_object(Bucket="theirs", Key="secret/1.bin"))
    assert said["Code"] == "AccessDenied"
    assert said["Message"] == (
        f"User: arn:aws:sts::{OTHER}:assumed-role/taker/me is not authorized to perform: "
        "s3:GetObject on resource: arn:aws:s3:::theirs/secret/1.bin because no resource-based "
        "policy allows the s3:GetObject action"
    )
    copying = {"Bucket": "ours", "Key": "x", "CopySource": "theirs/secret/1.bin"}
    assert refused(lambda: s3.copy_object(**copying))["Code"] == "AccessDenied"


def test_another_role_of_the_account_and_its_own_key_are_refused(accounts, taker):
    other = accounts[1]
    second = other.role("second", ("s3:GetObject", "*"))
    for s3 in (other.as_role("s3", second), other.client("s3")):
        said = refused(lambda s3=s3: s3.get_object(Bucket="theirs", Key="shared/a b+ü.bin"))
        assert "because no resource-based policy allows" in said["Message"]


def test_a_role_whose_own_policy_is_silent_is_refused_at_home(accounts, taker):
    giver, other = accounts
    giver.bucket("open")
    giver.client("s3").put_object(Bucket="open", Key="k", Body=b"x")
    policy = let_in(f"arn:aws:iam::{OTHER}:root", "s3:GetObject", "arn:aws:s3:::open/*")
    giver.client("s3").put_bucket_policy(Bucket="open", Policy=policy)
    said = refused(lambda: other.as_role("s3", taker).get_object(Bucket="open", Key="k"))
    assert "because no identity-based policy allows" in said["Message"]
    # The whole account is let in: what it allows its own, the bucket allows.
    assert other.client("s3").get_object(Bucket="open", Key="k")["Body"].read() == b"x"


def test_a_bucket_that_nobody_has_and_a_key_that_is_not_there(accounts, taker):
    s3 = accounts[1].as_role("s3", taker)
    missing = refused(lambda: s3.get_object(Bucket="nobodys", Key="k"))
    assert missing["Code"] == "NoSuchBucket"
    assert refused(lambda: s3.get_object(Bucket="theirs", Key="shared/no"))["Code"] == "NoSuchKey"
    copying = {"Bucket": "ours", "Key": "x", "CopySource": "theirs/shared/no"}
    assert refused(lambda: s3.copy_object(**copying))["Code"] == "NoSuchKey"


def test_nothing_is_written_across(accounts, taker):
    for s3 in (accounts[1].client("s3"), accounts[1].as_role("s3", taker)):
        with pytest.raises(ClientError):
            s3.put_object(Bucket="theirs", Key="shared/new", Body=b"x")
    listed = accounts[0].client("s3").list_objects_v2(Bucket="theirs", Prefix="shared/")
    assert listed["KeyCount"] == 1
