"""The artifact bucket: private, encrypted, and without versions.

Everything in it is named by content or by execution and never overwritten, so that versions would
keep only copies that nobody asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from errors import BreedlineError
from provision.change import Change, Clients, as_tags, differences, from_tags, only, or_none
from settings import Settings

RESOURCE = "bucket"
ACCESS = (
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
)


@dataclass(frozen=True)
class Bucket:
    """The bucket as it should be; `kms_key` empty means S3's own keys."""

    name: str
    region: str
    kms_key: str
    tags: dict[str, str]

    def properties(self) -> dict[str, Any]:
        """What is compared with the bucket that exists."""
        rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": self.kms_key}
        return {
            "encryption": rule if self.kms_key else {"SSEAlgorithm": "AES256"},
            "public_access_block": dict.fromkeys(ACCESS, True),
            "tags": self.tags,
        }


def plan_bucket(clients: Clients, settings: Settings) -> Change:
    """Compare the bucket with the settings."""
    desired = Bucket(settings.bucket, settings.aws.region, settings.aws.kms_key, settings.tags)
    if not _exists(clients.s3, desired.name):
        return Change("create", RESOURCE, desired.name, "it does not exist", desired)
    diff = differences(_current(clients.s3, desired), desired.properties())
    if diff:
        return Change(
            "update", RESOURCE, desired.name, "its protection or tags differ", desired, diff
        )
    return Change("no-op", RESOURCE, desired.name, "unchanged", desired)


def apply_bucket(clients: Clients, change: Change) -> str:
    """Create or protect the bucket; returns its URI."""
    bucket: Bucket = change.desired
    if change.kind == "create":
        clients.s3.create_bucket(**_creation(bucket))
    wanted = bucket.properties()
    clients.s3.put_public_access_block(
        Bucket=bucket.name, PublicAccessBlockConfiguration=wanted["public_access_block"]
    )
    rule = {"ApplyServerSideEncryptionByDefault": wanted["encryption"]}
    clients.s3.put_bucket_encryption(
        Bucket=bucket.name, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    # This call replaces all tags, so that other people's are given back with ours.
    tags = {**_tags(clients.s3, bucket.name), **bucket.tags}
    clients.s3.put_bucket_tagging(Bucket=bucket.name, Tagging={"TagSet": as_tags(tags)})
    return f"s3://{bucket.name}"


def _creation(bucket: Bucket) -> dict[str, Any]:
    # us-east-1 is the one region that refuses its own name here.
    if bucket.region == "us-east-1":
        return {"Bucket": bucket.name}
    place = {"LocationConstraint": bucket.region}
    return {"Bucket": bucket.name, "CreateBucketConfiguration": place}


def _exists(s3: Any, name: str) -> bool:
    try:
        s3.head_bucket(Bucket=name)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("404", "NoSuchBucket"):
            return False
        if code in ("403", "AccessDenied"):
            raise BreedlineError(
                f"The bucket '{name}' is closed to these credentials or belongs to another "
                "account: choose another name with aws.bucket in environments.toml."
            ) from error
        raise
    return True


def _current(s3: Any, bucket: Bucket) -> dict[str, Any]:
    block = or_none(
        lambda: s3.get_public_access_block(Bucket=bucket.name)["PublicAccessBlockConfiguration"],
        "NoSuchPublicAccessBlockConfiguration",
    )
    encryption = or_none(
        lambda: s3.get_bucket_encryption(Bucket=bucket.name)["ServerSideEncryptionConfiguration"],
        "ServerSideEncryptionConfigurationNotFoundError",
    )
    rules = (encryption or {}).get("Rules", [])
    return {
        "encryption": rules[0].get("ApplyServerSideEncryptionByDefault") if rules else None,
        "public_access_block": block,
        "tags": only(_tags(s3, bucket.name), bucket.tags),
    }


def _tags(s3: Any, name: str) -> dict[str, str]:
    tags = or_none(lambda: s3.get_bucket_tagging(Bucket=name)["TagSet"], "NoSuchTagSet")
    return from_tags(tags or [])
