"""The artifact bucket, where it is there already: ours, in the region, encrypted; and the key.

A bucket that does not exist is no finding: `upsert` makes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from provision.change import or_none
from provision.preflight.findings import Finding, Subject
from settings import Settings

FIRST_REGION = "us-east-1"  # S3 answers null for it
USABLE = "ENCRYPT_DECRYPT"  # what a key is for that encrypts
# A HEAD has no body to name the fault in.
NOT_FOUND, MOVED, FORBIDDEN = "404", "301", ("403", "AccessDenied")


def check_bucket(subject: Subject) -> Iterator[Finding]:
    """Names of buckets are taken in all accounts at once."""
    settings, s3 = subject.settings, subject.clients("s3")
    about, name = f"bucket {settings.bucket}", settings.bucket
    try:
        s3.head_bucket(Bucket=name)
    except ClientError as error:
        yield from _absent(error, about)
        return
    place = s3.get_bucket_location(Bucket=name).get("LocationConstraint") or FIRST_REGION
    if place != settings.aws.region:
        problem = f"it is in {place}, and aws.region is {settings.aws.region}"
        yield Finding("fault", about, problem, "name another in aws.bucket")
    if settings.aws.kms_key and not _encrypts_with(s3, settings):
        problem = "it does not encrypt with aws.kms_key yet"
        yield Finding("warning", about, problem, "`upsert` sets it; objects there stay as they are")


def _absent(error: ClientError, about: str) -> Iterator[Finding]:
    code = str(error.response["Error"]["Code"])
    if code == NOT_FOUND:
        return
    if code == MOVED:
        yield Finding("fault", about, "it is in another region", "name another in aws.bucket")
    elif code in FORBIDDEN:
        problem = "it is another account's, or the caller may not read it"
        yield Finding("fault", about, problem, "name another in aws.bucket, or ask its owner")
    else:
        yield Finding("unchecked", about, f"S3 answers {code}", "try again")


def _encrypts_with(s3: Any, settings: Settings) -> bool:
    """By its name alone: the setting may be an alias of what the bucket has as an ARN."""
    found = or_none(
        lambda: s3.get_bucket_encryption(Bucket=settings.bucket),
        "ServerSideEncryptionConfigurationNotFoundError",
    )
    rules = (found or {}).get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    keys = [rule["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID") for rule in rules]
    return any(keys)


def check_key(subject: Subject) -> Iterator[Finding]:
    """The key of `aws.kms_key` can encrypt."""
    settings = subject.settings
    given, about = settings.aws.kms_key, f"key {settings.aws.kms_key}"
    if not given:
        return
    kms = subject.clients("kms")
    found = or_none(lambda: kms.describe_key(KeyId=given)["KeyMetadata"], "NotFoundException")
    if found is None:
        if not settings.foundation.key:  # which `bootstrap` makes
            remedy = "create it, name another in aws.kms_key, or let foundation.key make it"
            yield Finding("fault", about, "this account and region do not have it", remedy)
        return
    if found["KeyState"] != "Enabled":
        problem = f"it is {found['KeyState']}"
        yield Finding("fault", about, problem, "enable it, or name another in aws.kms_key")
    elif found.get("KeyUsage", USABLE) != USABLE:
        problem = f"it is for {found['KeyUsage']}"
        yield Finding("fault", about, problem, "name one that encrypts in aws.kms_key")
