"""A part of a bucket opened to one principal of another account: the policies of both sides.

Across accounts both must allow: the owner's bucket (and key) names the principal, and the
principal's own policy names the bucket. Neither is enough alone.
"""

from __future__ import annotations

from typing import Any

from settings import Settings, partition_of

Statement = dict[str, Any]


def sharing_documents(settings: Settings) -> dict[str, Any]:
    """The owner's statements for the bucket and key, and the reader's own policy.

    Without a reader in the settings, `principal` stands where its ARN belongs.
    """
    aws, stack = settings.aws, settings.foundation
    partition = partition_of(aws.region)
    bucket, prefix = f"arn:{partition}:s3:::{settings.bucket}", f"{stack.reader_prefix}/*"
    reader = stack.reader_arn or "principal"
    objects = f"{bucket}/{prefix}"
    key = f"arn:{partition}:kms:{aws.region}:{aws.account_id}:key/*"
    return {
        "owner": {
            "bucket": bucket_statements(reader, bucket, objects, prefix),
            "key": [key_statement(reader, aws.region)] if aws.kms_key else [],
        },
        "reader": {
            "Version": "2012-10-17",
            "Statement": [
                {**_read("Read", objects)},
                {**_list(bucket, prefix)},
                *([_decrypt(key, aws.region, aws.kms_key)] if aws.kms_key else []),
            ],
        },
    }


def bucket_statements(reader: Any, bucket: Any, objects: Any, prefix: Any) -> list[Statement]:
    """What the bucket's policy allows the reader: its objects, and to list them alone."""
    who = {"Principal": {"AWS": reader}}
    return [
        {**_read("ReaderRead", objects), **who},
        {**_list(bucket, prefix), "Sid": "ReaderList", **who},
    ]


def key_statement(reader: Any, region: Any) -> Statement:
    """What the key's policy allows the reader: to decrypt what S3 gives out."""
    service = (
        f"s3.{region}.amazonaws.com"
        if isinstance(region, str)
        else {"Fn::Sub": "s3.${AWS::Region}.amazonaws.com"}
    )
    return {
        "Sid": "Reader",
        "Effect": "Allow",
        "Principal": {"AWS": reader},
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:ViaService": service}},
    }


def _decrypt(key: str, region: str, alias: str) -> Statement:
    via = {"kms:ViaService": f"s3.{region}.amazonaws.com"}
    statement = {
        "Sid": "Decrypt",
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": key,
        "Condition": {"StringEquals": via},
    }
    if alias.startswith("alias/"):
        named = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
        statement["Condition"] = {"StringEquals": via, **named}
    return statement


def _read(sid: str, objects: Any) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": "s3:GetObject", "Resource": objects}


def _list(bucket: Any, prefix: Any) -> Statement:
    return {
        "Sid": "List",
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": bucket,
        "Condition": {"StringLike": {"s3:prefix": prefix}},
    }
