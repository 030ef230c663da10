"""The key and the artifact bucket, and who else may read a part of it."""

from __future__ import annotations

from typing import Any

from infrastructure.parts import (
    Node,
    attribute,
    choose,
    given,
    is_true,
    ref,
    resource,
    sub,
    tags,
)
from infrastructure.sharing import bucket_statements, key_statement
from provision.bucket import ACCESS, OURS

OLD_VERSIONS, BROKEN_UPLOADS = 30, 7  # days
ROOT = "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"
BUCKET = "arn:${AWS::Partition}:s3:::${BucketName}"


def storage_conditions() -> dict[str, Any]:
    return {
        "MakesKey": is_true("CreateKey"),
        "MakesBucket": is_true("CreateBucket"),
        "HasReader": given("ReaderArn"),
        "ReaderNeedsKey": {"Fn::And": [{"Condition": "HasReader"}, {"Condition": "MakesKey"}]},
    }


def storage_resources() -> dict[str, Any]:
    """All of it outlives the stack: it holds data, or what data are read with."""
    return {
        "Key": resource(
            "AWS::KMS::Key",
            {
                "Description": sub("Data of ${EndpointName} in ${Environment}"),
                "EnableKeyRotation": True,
                "PendingWindowInDays": 30,
                "KeyPolicy": _key_policy(),
                "Tags": tags(),
            },
            condition="MakesKey",
            kept=True,
        ),
        "KeyAlias": resource(
            "AWS::KMS::Alias",
            {"AliasName": ref("KmsKeyAlias"), "TargetKeyId": ref("Key")},
            condition="MakesKey",
            kept=True,
        ),
        "Bucket": _bucket(),
        "BucketPolicy": resource(
            "AWS::S3::BucketPolicy",
            {"Bucket": ref("Bucket"), "PolicyDocument": _bucket_policy()},
            condition="MakesBucket",
            kept=True,
        ),
    }


def key_id() -> Node:
    """The key of the stack or the one that is there; only where the environment has a key."""
    there = choose("KeyIsAlias", ref("KmsKeyAlias"), ref("KmsKeyArn"))
    return choose("MakesKey", attribute("Key", "Arn"), there)


def _key_policy() -> Node:
    """The account's own policies decide, and services use it for what they deliver here."""
    account = {"AWS": sub(ROOT)}
    use = ["kms:Decrypt", "kms:GenerateDataKey*"]
    ours = {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}}
    logs = {"Service": sub("logs.${AWS::Region}.amazonaws.com")}
    groups = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:*"
    in_logs = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": sub(groups)}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            _allow("Account", account, ["kms:*"]),
            # EventBridge sends the topic nothing that a condition could look at.
            _allow("Events", {"Service": "events.amazonaws.com"}, use),
            _allow("Alarms", {"Service": "cloudwatch.amazonaws.com"}, use, ours),
            _allow("Budget", {"Service": "budgets.amazonaws.com"}, use, ours),
            _allow(
                "Logs", logs, [*use, "kms:DescribeKey", "kms:Encrypt", "kms:ReEncrypt*"], in_logs
            ),
            choose("ReaderNeedsKey", key_statement(ref("ReaderArn"), ref("AWS::Region"))),
        ],
    }


def _allow(sid: str, principal: Node, actions: list[str], only: Node | None = None) -> Node:
    # A key's policy speaks of that key alone, which it calls "*".
    statement = {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": actions}
    return {**statement, "Resource": "*", **({"Condition": only} if only else {})}


def _bucket() -> Node:
    encryption = choose(
        "HasKey",
        {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_id()},
        {"SSEAlgorithm": "AES256"},
    )
    rule = {
        "ServerSideEncryptionByDefault": encryption,
        "BucketKeyEnabled": choose("HasKey", True, False),
    }
    return resource(
        "AWS::S3::Bucket",
        {
            "BucketName": ref("BucketName"),
            "VersioningConfiguration": {"Status": "Enabled"},
            "BucketEncryption": {"ServerSideEncryptionConfiguration": [rule]},
            "PublicAccessBlockConfiguration": dict.fromkeys(ACCESS, True),
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
            "LifecycleConfiguration": {"Rules": _lifecycle()},
            "Tags": tags(),
        },
        condition="MakesBucket",
        kept=True,
        excused={
            "CKV_AWS_18": "CloudTrail's data events tell who read what; access logs would need a "
            "second bucket that an organisation has already"
        },
    )


def _lifecycle() -> list[Node]:
    ours: list[Any] = OURS
    expiring = [
        {
            "Id": rule["ID"],
            "Status": rule["Status"],
            "Prefix": rule["Filter"]["Prefix"],
            "ExpirationInDays": rule["Expiration"]["Days"],
        }
        for rule in ours
    ]
    return [
        *expiring,
        {
            "Id": "breedline-leftovers",
            "Status": "Enabled",
            "NoncurrentVersionExpiration": {"NoncurrentDays": OLD_VERSIONS},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": BROKEN_UPLOADS},
        },
    ]


def _bucket_policy() -> Node:
    both = [sub(BUCKET), sub(f"{BUCKET}/*")]
    only_tls = {
        "Sid": "OnlyTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": both,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    reader = bucket_statements(
        ref("ReaderArn"), sub(BUCKET), sub(BUCKET + "/${ReaderPrefix}/*"), sub("${ReaderPrefix}/*")
    )
    admitted = [choose("HasReader", statement) for statement in reader]
    return {"Version": "2012-10-17", "Statement": [only_tls, *admitted]}
