"""What a call of S3 needs of KMS: a bucket whose objects are encrypted with a key asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from moto.kms.models import kms_backends
from moto.s3.models import s3_backends

from local.iam.needs import Need, Place

# Of objects; HeadObject, which needs s3:GetObject too, decrypts nothing.
ACTIONS = {"s3:GetObject": "kms:Decrypt", "s3:PutObject": "kms:GenerateDataKey"}
SHOWS_NO_CONTENT = "HeadObject"
KMS = "aws:kms"


@dataclass(frozen=True)
class Key:
    """A key's ARN and its names."""

    arn: str
    aliases: Sequence[str]


def key_needs(
    found: Sequence[Need], place: Place, key_of: Callable[[str, Place], Key | None]
) -> Iterator[Need]:
    """The permissions of KMS that S3 asks for in the caller's name, beside those `found`."""
    for need in found:
        action = ACTIONS.get(need.action)
        bucket = need.resource.rpartition(":")[2].partition("/")[0]
        key = key_of(bucket, place) if action else None
        if action and key:
            via = f"s3.{place.region}.amazonaws.com"
            context = {"kms:ResourceAliases": key.aliases, "kms:ViaService": via}
            yield Need(action, key.arn, context)


def key_of_bucket(bucket: str, place: Place) -> Key | None:
    """The key with which a bucket of this server encrypts; None where S3's own does."""
    found = s3_backends[place.account][place.partition].buckets.get(bucket)
    rule = ((found.encryption if found else None) or {}).get("Rule", {})
    rule = rule[0] if isinstance(rule, list) else rule
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    named = default.get("KMSMasterKeyID", "")
    if default.get("SSEAlgorithm") != KMS or not named:
        return None
    keys = kms_backends[place.account][place.region].keys
    wanted = named.rpartition(":")[2].removeprefix("key/")
    for key in keys.values():
        if wanted == key.id or wanted in key.aliases:
            return Key(key.arn, sorted(key.aliases))
    return Key(named if named.startswith("arn:") else place.arn("kms", f"key/{named}"), ())
