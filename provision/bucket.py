"""The artifact bucket: private, encrypted, and without versions.

Everything in it is named by content or by execution and never overwritten, so that versions would
keep only copies that nobody asked for. It tells EventBridge of its new objects, because a data
set's marker starts a retraining, and drops after some time what endpoints captured and answered,
and what queries of the feature store found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from errors import BreedlineError
from provision.change import (
    Change,
    Clients,
    as_tags,
    compare,
    from_tags,
    only,
    or_none,
    unless_there,
)
from settings import Settings

RESOURCE = "bucket"
EVENTS = "EventBridgeConfiguration"
# Prefix -> days that its objects are kept: requests and answers of endpoints, Athena's own results.
PASSING = {"asynchronous/": 90, "capture/": 90, "queries/": 30}
ACCESS = (
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
)

OURS = [
    {
        "ID": f"breedline-{prefix}",
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "Expiration": {"Days": days},
    }
    for prefix, days in PASSING.items()
]


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
            "events": True,
            "expiry_days": PASSING,
            "public_access_block": dict.fromkeys(ACCESS, True),
            "tags": self.tags,
        }


def plan_bucket(clients: Clients, settings: Settings) -> Change:
    """Compare the bucket with the settings."""
    desired = Bucket(settings.bucket, settings.aws.region, settings.aws.kms_key, settings.tags)
    s3 = clients("s3")
    current = _current(s3, desired) if _exists(s3, desired.name) else None
    return compare(RESOURCE, current, desired)


def apply_bucket(clients: Clients, change: Change) -> str:
    """Create or protect the bucket; returns its URI."""
    bucket: Bucket = change.desired
    s3, name, wanted = clients("s3"), bucket.name, bucket.properties()
    if change.kind == "create":
        unless_there(lambda: s3.create_bucket(**_creation(bucket)))
    s3.put_public_access_block(
        Bucket=name, PublicAccessBlockConfiguration=wanted["public_access_block"]
    )
    rule = {"ApplyServerSideEncryptionByDefault": wanted["encryption"]}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    # These calls replace everything, so that what other people set is given back with ours.
    events = {**_notifications(s3, name), EVENTS: {}}
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration=events, SkipDestinationValidation=True
    )
    s3.put_bucket_lifecycle_configuration(
        Bucket=name, LifecycleConfiguration={"Rules": [*_others(_lifecycle(s3, name)), *OURS]}
    )
    tags = {**_tags(s3, name), **bucket.tags}
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": as_tags(tags)})
    return f"s3://{name}"


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
        "expiry_days": _expiry(_lifecycle(s3, bucket.name)),
        "events": EVENTS in _notifications(s3, bucket.name),
        "public_access_block": block,
        "tags": only(_tags(s3, bucket.name), bucket.tags),
    }


def _tags(s3: Any, name: str) -> dict[str, str]:
    tags = or_none(lambda: s3.get_bucket_tagging(Bucket=name)["TagSet"], "NoSuchTagSet")
    return from_tags(tags or [])


def _notifications(s3: Any, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = s3.get_bucket_notification_configuration(Bucket=name)
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def _lifecycle(s3: Any, name: str) -> list[dict[str, Any]]:
    """The rules by which objects expire."""
    answer = or_none(
        lambda: s3.get_bucket_lifecycle_configuration(Bucket=name), "NoSuchLifecycleConfiguration"
    )
    return list((answer or {}).get("Rules", []))


def _others(lifecycle: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ours = {rule["ID"] for rule in OURS}
    return [rule for rule in lifecycle if rule["ID"] not in ours]


def _expiry(lifecycle: list[dict[str, Any]]) -> dict[str, Any]:
    """Days by prefix, as our own rules say."""
    ours = {rule["ID"]: prefix for rule, prefix in zip(OURS, PASSING, strict=True)}
    return {
        ours[rule["ID"]]: rule.get("Expiration", {}).get("Days")
        for rule in lifecycle
        if rule["ID"] in ours and rule["Status"] == "Enabled"
    }
