"""Objects that come and go are told in the form that AWS documents, when the bucket asks for it."""

import re
from typing import Any

import pytest

TOLD: dict[str, Any] = {"EventBridgeConfiguration": {}}


@pytest.fixture
def bucket(aws, request):
    """A bucket that tells EventBridge, and a queue of its own that hears of it."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name)[-40:].strip("-")
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=TOLD)
    queue = aws.queue(name)
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [name]}}}
    aws.rule(name, [{"Arn": queue}], pattern)
    return name


def summary(event):
    detail = event["detail"]
    return event["detail-type"], detail.get("reason"), detail["object"]["key"]


def test_a_put_object_is_told(aws, bucket):
    aws.client("s3").put_object(Bucket=bucket, Key="data/a b.jpg", Body=b"photo")
    [event] = aws.bodies(bucket)
    assert event["source"] == "aws.s3"
    assert event["detail-type"] == "Object Created"
    assert event["resources"] == [f"arn:aws:s3:::{bucket}"]
    detail = event["detail"]
    assert re.fullmatch("[0-9A-F]{18}", detail["object"].pop("sequencer"))
    assert re.fullmatch("[0-9A-F]{16}", detail.pop("request-id"))
    assert detail == {
        "version": "0",
        "bucket": {"name": bucket},
        "object": {
            "key": "data/a b.jpg",
            "size": 5,
            "etag": "5ae0c1c8a5260bc7b6648f6fbd115c35",
        },
        "requester": "123456789012",
        "source-ip-address": "127.0.0.1",
        "reason": "PutObject",
    }


def test_copies_and_uploads_in_parts_are_told_once_each(aws, bucket):
    s3 = aws.client("s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"1", Tagging="k=v")
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="c")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="c", UploadId=upload, PartNumber=1, Body=b"2")
    s3.complete_multipart_upload(
        Bucket=bucket,
        Key="c",
        UploadId=upload,
        MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]},
    )
    s3.put_object_tagging(Bucket=bucket, Key="a", Tagging={"TagSet": [{"Key": "k", "Value": "w"}]})
    s3.put_object(Bucket=bucket, Key="z", Body=b"last")
    told = [summary(event) for event in aws.bodies(bucket, 5)]
    assert sorted(told, key=str) == [
        ("Object Created", "CompleteMultipartUpload", "c"),
        ("Object Created", "CopyObject", "b"),
        ("Object Created", "PutObject", "a"),
        ("Object Created", "PutObject", "z"),
        ("Object Tags Added", None, "a"),
    ]


def test_a_deleted_object_is_told(aws, bucket):
    s3 = aws.client("s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="a")
    deleted = [e for e in aws.bodies(bucket, 2) if e["detail-type"] == "Object Deleted"]
    [detail] = [event["detail"] for event in deleted]
    assert detail["reason"] == "DeleteObject"
    assert detail["deletion-type"] == "Permanently Deleted"
    assert "size" not in detail["object"]


def test_a_delete_marker_is_told_with_versions(aws, bucket):
    s3 = aws.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="a", Body=b"1")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="a")["VersionId"]
    found = {event["detail-type"]: event["detail"] for event in aws.bodies(bucket, 2)}
    assert found["Object Created"]["object"]["version-id"] == version
    assert found["Object Deleted"]["object"]["version-id"] == marker
    assert found["Object Deleted"]["deletion-type"] == "Delete Marker Created"


def test_a_bucket_that_asks_for_nothing_tells_nothing(aws, bucket):
    s3 = aws.client("s3")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    s3.put_object(Bucket=bucket, Key="silent", Body=b"1")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=TOLD)
    s3.put_object(Bucket=bucket, Key="told", Body=b"1")
    assert [summary(event)[2] for event in aws.bodies(bucket)] == ["told"]


def test_the_configuration_can_be_read_back(aws, bucket):
    found = aws.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    assert found["EventBridgeConfiguration"] == {}
