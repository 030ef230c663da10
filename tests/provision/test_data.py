"""A folder is copied to the bucket once, and again only where it changed."""

import boto3
import pytest
from moto import mock_aws

from errors import BreedlineError
from provision.data import SyncReport, folder_digest, sync_folder


@pytest.fixture
def s3(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="photos")
        yield client


@pytest.fixture
def folder(tmp_path):
    for name in ("pug/1.jpg", "pug/2.jpg", "beagle/1.jpg", ".DS_Store", "pug/.hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def keys(s3):
    return [o["Key"] for o in s3.list_objects_v2(Bucket="photos").get("Contents", [])]


def test_visible_files_are_copied_under_the_prefix(s3, folder):
    assert sync_folder(s3, folder, "photos", "data/dogs") == SyncReport(3, 0)
    assert keys(s3) == ["data/dogs/beagle/1.jpg", "data/dogs/pug/1.jpg", "data/dogs/pug/2.jpg"]


def test_a_second_copy_uploads_only_what_changed(s3, folder):
    sync_folder(s3, folder, "photos", "data")
    (folder / "pug/1.jpg").write_bytes(b"pug/9.jpg")  # same size, other content
    assert sync_folder(s3, folder, "photos", "data") == SyncReport(1, 2)
    assert s3.get_object(Bucket="photos", Key="data/pug/1.jpg")["Body"].read() == b"pug/9.jpg"


def test_what_is_only_in_the_bucket_stays(s3, folder):
    s3.put_object(Bucket="photos", Key="data/old.jpg", Body=b"old")
    sync_folder(s3, folder, "photos", "data")
    assert "data/old.jpg" in keys(s3)


def test_an_empty_folder_is_refused_by_name(s3, tmp_path):
    with pytest.raises(BreedlineError, match=str(tmp_path)):
        sync_folder(s3, tmp_path, "photos", "data")


def test_the_digest_changes_with_names_and_contents_only(folder):
    before = folder_digest(folder)
    (folder / ".DS_Store").write_bytes(b"other")
    (folder / "pug/1.jpg").touch()
    assert folder_digest(folder) == before
    (folder / "pug/1.jpg").rename(folder / "pug/3.jpg")
    renamed = folder_digest(folder)
    (folder / "pug/3.jpg").write_bytes(b"pug/9.jpg")
    assert len({before, renamed, folder_digest(folder)}) == 3


def test_an_empty_class_folder_is_refused_before_anything_is_copied(s3, folder):
    (folder / "boxer").mkdir()
    with pytest.raises(BreedlineError, match="boxer"):
        sync_folder(s3, folder, "photos", "data")
    assert keys(s3) == []
