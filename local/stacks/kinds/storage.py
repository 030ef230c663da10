"""S3 buckets and KMS keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.stacks.kinds.kind import Kind, Order, document, words

# CloudFormation's name of a rule's element -> the API's, and what stands in it.
EXPIRY = {"ExpirationInDays": ("Expiration", "Days")}
PLAIN_RULE = ("Status", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload", "Filter")


def _create_bucket(order: Order) -> str:
    name = order.named("BucketName").lower()
    place = {"CreateBucketConfiguration": {"LocationConstraint": order.region}}
    # us-east-1 is the one region that refuses its own name here.
    order.client("s3").create_bucket(Bucket=name, **({} if order.region == "us-east-1" else place))
    return name


def _put_bucket(order: Order, name: str) -> None:
    s3, given = order.client("s3"), order.properties
    if "VersioningConfiguration" in given:
        s3.put_bucket_versioning(
            Bucket=name, VersioningConfiguration=given["VersioningConfiguration"]
        )
    if "BucketEncryption" in given:
        rules = given["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        s3.put_bucket_encryption(
            Bucket=name,
            ServerSideEncryptionConfiguration={"Rules": [_encryption(rule) for rule in rules]},
        )
    if "PublicAccessBlockConfiguration" in given:
        s3.put_public_access_block(
            Bucket=name, PublicAccessBlockConfiguration=given["PublicAccessBlockConfiguration"]
        )
    if "OwnershipControls" in given:
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=given["OwnershipControls"])
    events = given.get("NotificationConfiguration", {}).get("EventBridgeConfiguration", {})
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={"EventBridgeConfiguration": {}}
        if events.get("EventBridgeEnabled")
        else {},
        SkipDestinationValidation=True,
    )
    if rules := given.get("LifecycleConfiguration", {}).get("Rules"):
        s3.put_bucket_lifecycle_configuration(
            Bucket=name, LifecycleConfiguration={"Rules": [_rule(rule) for rule in rules]}
        )
    if order.tags:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": order.tag_list})


def _encryption(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
        "BucketKeyEnabled": bool(rule.get("BucketKeyEnabled", False)),
    }


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: rule[key] for key in PLAIN_RULE if key in rule}
    found.setdefault("Filter", {"Prefix": rule.get("Prefix", "")})
    for key, (outer, inner) in EXPIRY.items():
        if key in rule:
            found[outer] = {inner: int(rule[key])}
    return {"ID": rule["Id"], **found}


def _bucket_attributes(order: Order, name: str) -> dict[str, Any]:
    return {"Arn": f"arn:aws:s3:::{name}", "DomainName": f"{name}.s3.amazonaws.com"}


def _delete_bucket(order: Order, name: str) -> None:
    order.client("s3").delete_bucket(Bucket=name)


def _put_bucket_policy(order: Order, name: str) -> None:
    order.client("s3").put_bucket_policy(
        Bucket=order.properties["Bucket"], Policy=document(order.properties["PolicyDocument"])
    )


def _create_bucket_policy(order: Order) -> str:
    return str(order.properties["Bucket"])


def _delete_bucket_policy(order: Order, name: str) -> None:
    order.client("s3").delete_bucket_policy(Bucket=order.properties["Bucket"])


def _create_key(order: Order) -> str:
    tags = [{"TagKey": key, "TagValue": value} for key, value in order.tags.items()]
    made = order.client("kms").create_key(Policy=document(order.properties["KeyPolicy"]), Tags=tags)
    return str(made["KeyMetadata"]["KeyId"])


def _put_key(order: Order, key: str) -> None:
    kms, given = order.client("kms"), order.properties
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document(given["KeyPolicy"]))
    kms.update_key_description(KeyId=key, Description=given.get("Description", ""))
    if str(given.get("EnableKeyRotation")).lower() == "true":
        kms.enable_key_rotation(KeyId=key)


def _key_attributes(order: Order, key: str) -> dict[str, Any]:
    return {"Arn": order.arn("kms", f"key/{key}"), "KeyId": key}


def _delete_key(order: Order, key: str) -> None:
    days = int(order.properties.get("PendingWindowInDays", 30))
    order.client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=days)


def _create_alias(order: Order) -> str:
    order.client("kms").create_alias(**order.some("AliasName", "TargetKeyId"))
    return str(order.properties["AliasName"])


def _put_alias(order: Order, name: str) -> None:
    order.client("kms").update_alias(**order.some("AliasName", "TargetKeyId"))


def _delete_alias(order: Order, name: str) -> None:
    order.client("kms").delete_alias(AliasName=name)


KINDS = {
    "AWS::S3::Bucket": Kind(
        _create_bucket,
        _delete_bucket,
        words(
            "BucketName BucketEncryption VersioningConfiguration PublicAccessBlockConfiguration "
            "OwnershipControls NotificationConfiguration LifecycleConfiguration Tags"
        ),
        _put_bucket,
        _bucket_attributes,
        words("BucketName"),
        lambda order: order.named("BucketName").lower(),
    ),
    "AWS::S3::BucketPolicy": Kind(
        _create_bucket_policy,
        _delete_bucket_policy,
        words("Bucket PolicyDocument"),
        _put_bucket_policy,
        fixed=words("Bucket"),
    ),
    "AWS::KMS::Key": Kind(
        _create_key,
        _delete_key,
        words("Description EnableKeyRotation KeyPolicy PendingWindowInDays Tags"),
        _put_key,
        _key_attributes,
    ),
    "AWS::KMS::Alias": Kind(
        _create_alias,
        _delete_alias,
        words("AliasName TargetKeyId"),
        _put_alias,
        fixed=words("AliasName"),
        same_name=lambda order: str(order.properties["AliasName"]),
    ),
}
