"""What the operations of S3 and DynamoDB need; S3's actions have names of their own."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from local.iam.needs import Need, Parameters, Place, Row, all_of, on


def _bucket(action: str, *keys: str) -> Row:
    """An action on a bucket, with what is asked of a list as context."""

    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        named = {"s3:prefix": "Prefix", "s3:delimiter": "Delimiter", "s3:max-keys": "MaxKeys"}
        context = {
            key: str(parameters[named[key]])
            for key in keys
            if parameters.get(named[key]) is not None
        }
        yield Need(action, _arn(place, str(parameters["Bucket"])), context)

    return row


def _object(action: str) -> Row:
    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        yield Need(action, _arn(place, f"{parameters['Bucket']}/{parameters['Key']}"))

    return row


def _copied(place: Place, parameters: Parameters) -> Iterator[Need]:
    source = unquote(str(parameters.get("CopySource", ""))).lstrip("/").partition("?")[0]
    if source:
        yield Need("s3:GetObject", _arn(place, source))


def _several(place: Place, parameters: Parameters) -> Iterator[Need]:
    action = "s3:DeleteObjectVersion" if parameters.get("Versions") else "s3:DeleteObject"
    for key in parameters.get("Keys") or []:
        yield Need(action, _arn(place, f"{parameters['Bucket']}/{key}"))


def _parts_of_buckets() -> Iterator[tuple[str, Row]]:
    """Setting and reading a bucket's parts; to delete one is to set it."""
    for part, called in PARTS.items():
        put, get = f"s3:Put{called}", f"s3:Get{called}"
        deleted = "s3:DeleteBucketPolicy" if part == "BucketPolicy" else put
        name = (
            part.removesuffix("Configuration") if part == "BucketLifecycleConfiguration" else part
        )
        yield f"Put{part}", _bucket(put)
        yield f"Get{part}", _bucket(get)
        yield f"Delete{name}", _bucket(deleted)


def _arn(place: Place, path: str) -> str:
    return f"arn:{place.partition}:s3:::{path}"


# A part of a bucket, as the API calls it -> as IAM does.
PARTS = {
    "BucketEncryption": "EncryptionConfiguration",
    "BucketLifecycleConfiguration": "LifecycleConfiguration",
    "BucketNotificationConfiguration": "BucketNotification",
    "BucketOwnershipControls": "BucketOwnershipControls",
    "BucketPolicy": "BucketPolicy",
    "BucketTagging": "BucketTagging",
    "BucketVersioning": "BucketVersioning",
    "PublicAccessBlock": "BucketPublicAccessBlock",
}
LIST = _bucket("s3:ListBucket", "s3:prefix", "s3:delimiter", "s3:max-keys")
PUT = _object("s3:PutObject")
S3: dict[str, Row] = {
    "GetObject": _object("s3:GetObject"),
    "HeadObject": _object("s3:GetObject"),
    "PutObject": PUT,
    "CopyObject": all_of(PUT, _copied),
    "CreateMultipartUpload": PUT,
    "UploadPart": PUT,
    "UploadPartCopy": all_of(PUT, _copied),
    "CompleteMultipartUpload": PUT,
    "AbortMultipartUpload": _object("s3:AbortMultipartUpload"),
    "ListParts": _object("s3:ListMultipartUploadParts"),
    "DeleteObject": _object("s3:DeleteObject"),
    "PutObjectAcl": _object("s3:PutObjectAcl"),
    "DeleteObjects": _several,
    "GetObjectTagging": _object("s3:GetObjectTagging"),
    "PutObjectTagging": _object("s3:PutObjectTagging"),
    "ListObjects": LIST,
    "ListObjectsV2": LIST,
    "HeadBucket": _bucket("s3:ListBucket"),
    "GetBucketAcl": _bucket("s3:GetBucketAcl"),
    "GetBucketLocation": _bucket("s3:GetBucketLocation"),
    "ListMultipartUploads": _bucket("s3:ListBucketMultipartUploads"),
    "ListObjectVersions": _bucket("s3:ListBucketVersions"),
    "CreateBucket": _bucket("s3:CreateBucket"),
    "DeleteBucket": _bucket("s3:DeleteBucket"),
    **dict(_parts_of_buckets()),
}

ITEMS = (
    *("GetItem", "PutItem", "UpdateItem", "DeleteItem"),
    *("Query", "Scan", "DescribeTable"),
)


def _transaction(place: Place, parameters: Parameters) -> Iterator[Need]:
    for item in parameters.get("TransactItems") or []:
        for kind, asked in item.items():
            action = "ConditionCheckItem" if kind == "ConditionCheck" else f"{kind}Item"
            yield Need(f"dynamodb:{action}", place.arn("dynamodb", f"table/{asked['TableName']}"))


DYNAMODB: dict[str, Row] = {
    **{item: on(f"dynamodb:{item}", "table/{TableName}") for item in ITEMS},
    "TransactWriteItems": _transaction,
    "TransactGetItems": _transaction,
}
