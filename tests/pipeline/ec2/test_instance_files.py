"""What an instance keeps in S3, and finds there again."""

import boto3
import pytest
from instance_files import Files, FilesError, pack
from moto import mock_aws

PLACE = "s3://files/kept"


@pytest.fixture
def files():
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    with mock_aws():
        s3 = boto3.client("s3", "us-east-1", **keys)
        s3.create_bucket(Bucket="files")
        yield Files(s3)


def test_what_changes_while_a_script_runs_is_kept_also_when_it_fails(files, tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(RuntimeError), files.keeping(tmp_path, PLACE):
        (tmp_path / "run" / "checkpoint.pt").write_text("epoch 3")
        raise RuntimeError
    assert files.fetch_folder(PLACE, tmp_path / "later") == 1
    assert (tmp_path / "later" / "run" / "checkpoint.pt").read_text() == "epoch 3"


def test_a_key_that_leads_out_of_the_folder_is_left_alone(files, tmp_path):
    files.put_text(f"{PLACE}/../out.txt", "no")
    files.fetch_folder(PLACE, tmp_path / "in")
    assert not (tmp_path / "out.txt").exists()


def test_code_comes_as_a_tarball_or_as_a_prefix(files, tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text("")
    pack(tmp_path / "code", tmp_path / "code.tar.gz")
    files.put_file(tmp_path / "code.tar.gz", "s3://files/train/sourcedir.tar.gz")
    files.put_folder(tmp_path / "code", "s3://files/prepare")
    for number, uri in enumerate(("s3://files/train/sourcedir.tar.gz", "s3://files/prepare/")):
        files.fetch_code(uri, tmp_path / str(number))
        assert (tmp_path / str(number) / "train.py").is_file()


@pytest.mark.parametrize("uri", ["s3://files/none/", "s3://files/none.tar.gz"])
def test_code_that_is_not_there_is_told(files, tmp_path, uri):
    with pytest.raises(FilesError, match="none"):
        files.fetch_code(uri, tmp_path / "code")
