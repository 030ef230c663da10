"""S3 objects live in files, are found without HTTP, and outlive the server."""

import boto3
import pytest
from moto import mock_aws
from moto.s3.models import s3_backends

from local.objects import Objects, split_uri

ACCOUNT, REGION = "123456789012", "us-east-1"


@pytest.fixture
def s3(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield boto3.client("s3", region_name=REGION)


def path_of(objects, bucket, key):
    found = objects.find(bucket, key)
    assert found is not None
    return found.path


def restarted(folder):
    s3_backends.reset()
    return Objects(folder, ACCOUNT, REGION)


def test_what_boto3_puts_is_found_as_a_read_only_file(s3, tmp_path):
    objects = Objects(tmp_path, ACCOUNT, REGION)
    s3.create_bucket(Bucket="photos")
    s3.put_object(Bucket="photos", Key="a/1.jpg", Body=b"one", ContentType="image/jpeg")
    found = objects.find("photos", "a/1.jpg")
    assert found is not None
    assert found.path.read_bytes() == b"one"
    assert found.path.stat().st_mode & 0o222 == 0
    assert found.etag == s3.head_object(Bucket="photos", Key="a/1.jpg")["ETag"].strip('"')


def test_what_the_server_writes_is_seen_by_boto3(s3, tmp_path):
    objects = Objects(tmp_path, ACCOUNT, REGION)
    objects.write("photos", "b.txt", b"two")
    assert s3.get_object(Bucket="photos", Key="b.txt")["Body"].read() == b"two"


def test_objects_and_buckets_survive_a_restart(s3, tmp_path):
    objects = Objects(tmp_path, ACCOUNT, REGION)
    s3.create_bucket(Bucket="photos")
    s3.put_bucket_tagging(
        Bucket="photos", Tagging={"TagSet": [{"Key": "owner", "Value": "breedline"}]}
    )
    s3.put_object(
        Bucket="photos", Key="k", Body=b"body", ContentType="text/plain", Metadata={"a": "b"}
    )
    before = s3.head_object(Bucket="photos", Key="k")
    objects.save()
    restarted(tmp_path)
    after = s3.get_object(Bucket="photos", Key="k")
    assert after["Body"].read() == b"body"
    assert after["ContentType"] == "text/plain"
    assert after["Metadata"] == {"a": "b"}
    assert after["ETag"] == before["ETag"]
    tags = s3.get_bucket_tagging(Bucket="photos")["TagSet"]
    assert tags == [{"Key": "owner", "Value": "breedline"}]


def test_deleted_objects_stay_deleted_and_leave_no_file(s3, tmp_path):
    objects = Objects(tmp_path, ACCOUNT, REGION)
    objects.write("photos", "k", b"gone")
    path = path_of(objects, "photos", "k")
    objects.delete("photos", "k")
    objects.save()
    again = restarted(tmp_path)
    assert again.list("photos", "") == []
    assert not path.exists()


def test_the_same_body_is_stored_once(s3, tmp_path):
    objects = Objects(tmp_path, ACCOUNT, REGION)
    objects.write("photos", "a", b"same")
    objects.write("photos", "b", b"same")
    assert path_of(objects, "photos", "a") == path_of(objects, "photos", "b")


def test_a_multipart_upload_is_one_object(s3, tmp_path):
    objects = Objects(tmp_path, ACCOUNT, REGION)
    s3.create_bucket(Bucket="photos")
    upload = s3.create_multipart_upload(Bucket="photos", Key="big")["UploadId"]
    part = s3.upload_part(
        Bucket="photos", Key="big", UploadId=upload, PartNumber=1, Body=b"x" * 1000
    )
    s3.complete_multipart_upload(
        Bucket="photos",
        Key="big",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    assert path_of(objects, "photos", "big").read_bytes() == b"x" * 1000


def test_listing_is_by_prefix_in_key_order(s3, tmp_path):
    objects = Objects(tmp_path, ACCOUNT, REGION)
    for key in ("b/2", "a/1", "b/1"):
        objects.write("photos", key, b"")
    assert [o.key for o in objects.list("photos", "b/")] == ["b/1", "b/2"]
    assert objects.list("missing", "") == []


def test_an_uri_names_bucket_and_key():
    assert split_uri("s3://bucket/a/b") == ("bucket", "a/b")
    with pytest.raises(ValueError, match="not an S3 URI"):
        split_uri("/home/me")
