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
    for key in parameters.get("Keys") or []:
        yield Need("s3:DeleteObject", _arn(place, f"{parameters['Bucket']}/{key}"))


def _arn(place: Place, path: str) -> str:
    return f"arn:{place.partition}:s3:::{path}"


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
