"""Images that were selected by query: their labels, their splits, their contents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from prepare import main
from selection import find_selected
from sources import SourceError

from tests.steps.test_prepare import lines, load, photo, rejected, splits

URI = "s3://bucket/selections/abc"
ABOUT = {"condition": "label = 'pug'", "digest": "abc", "root": "s3://bucket"}


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """S3 with twenty images, two classes, two of each in the test split."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="bucket")
        chosen = [put(s3, tmp_path, c, n) for c in ("pug", "samoyed") for n in range(10)]
        select(tmp_path, chosen)
        yield s3


def put(s3: Any, folder: Path, label: str, number: int) -> dict[str, str]:
    """Put an image; returns its line among the labels."""
    body = photo(folder / "photo.png", f"{label}{number}").read_bytes()
    key = f"data/dogs/{number}-{label}.png"
    s3.put_object(Bucket="bucket", Key=key, Body=body)
    split = "test" if number < 2 else "train"
    return line(key, label, split, hashlib.sha256(body).hexdigest())


def line(key: str, label: str, split: str, digest: str) -> dict[str, str]:
    uri = f"s3://bucket/{key}"
    return {"source-ref": uri, "class-name": label, "split": split, "sha256": digest}


def select(folder: Path, chosen: list[Any]) -> None:
    """What SageMaker downloads of a selection."""
    place = folder / "data"
    place.mkdir(exist_ok=True)
    (place / "labels.jsonl").write_text("".join(json.dumps(each) + "\n" for each in chosen))
    (place / "selection.json").write_text(json.dumps(ABOUT))


def run(out: Path, *more: str) -> int:
    given = ("--input", str(out / "data"), "--source-uri", URI)
    outputs = ("--output", str(out / "splits"), "--statistics", str(out / "statistics"))
    return main([*given, *outputs, *more])


@pytest.mark.usefixtures("bucket")
def test_labels_and_splits_are_those_of_the_records(tmp_path: Path) -> None:
    assert run(tmp_path) == 0
    found = splits(tmp_path)
    assert found["test"] == {f"data/dogs/{n}-{c}.png" for n in (0, 1) for c in ("pug", "samoyed")}
    assert {name: len(paths) for name, paths in found.items()} == {
        "train": 14,
        "validation": 2,  # carved out of train, which had all that is not test
        "test": 4,
    }
    manifest = load(tmp_path / "splits" / "train" / "ManifestFile")
    assert manifest[0] == {"prefix": "s3://bucket/"}


@pytest.mark.usefixtures("bucket")
def test_the_query_is_kept_with_the_data_set(tmp_path: Path) -> None:
    run(tmp_path)
    document = load(tmp_path / "splits" / "dataset" / "dataset.json")
    assert document["selection"] == ABOUT
    assert document["source_uri"] == "s3://bucket"
    (first, *_) = lines(tmp_path / "splits" / "dataset" / "test.jsonl")
    assert first["source-ref"] == "s3://bucket/data/dogs/0-pug.png"
    assert first["class-metadata"]["class-name"] == "pug"


def test_an_image_that_changed_or_went_since_is_rejected(bucket: Any, tmp_path: Path) -> None:
    bucket.put_object(Bucket="bucket", Key="data/dogs/3-pug.png", Body=b"another one")
    other = photo(tmp_path / "photo.png", "other").read_bytes()
    bucket.put_object(Bucket="bucket", Key="data/dogs/4-pug.png", Body=other)
    bucket.delete_object(Bucket="bucket", Key="data/dogs/5-pug.png")
    assert run(tmp_path, "--max-rejected-fraction", "0.2") == 0
    assert rejected(tmp_path) == {
        "data/dogs/3-pug.png": "not-an-image",
        "data/dogs/4-pug.png": "changed",
        "data/dogs/5-pug.png": "missing",
    }


@pytest.mark.usefixtures("bucket")
def test_images_are_copied_where_the_channels_ask_for_it(tmp_path: Path) -> None:
    assert run(tmp_path, "--data-type", "S3Prefix") == 0
    copied = tmp_path / "splits" / "test" / "S3Prefix" / "data" / "dogs" / "0-pug.png"
    assert copied.stat().st_size > 0


@pytest.mark.usefixtures("bucket")
def test_a_selection_is_not_written_back(tmp_path: Path) -> None:
    assert run(tmp_path, "--feature-group", "photos") == 0
    assert not (tmp_path / "statistics" / "records.json").exists()


def test_images_that_may_not_be_read_are_one_sentence(
    bucket: Any, tmp_path: Path, capsys: Any
) -> None:
    about = {**ABOUT, "root": "s3://nobodys"}
    (tmp_path / "data" / "selection.json").write_text(json.dumps(about))
    chosen = [{**line("a.png", "pug", "train", "1"), "source-ref": "s3://nobodys/a.png"}]
    labels = "".join(json.dumps(each) + "\n" for each in chosen)
    (tmp_path / "data" / "labels.jsonl").write_text(labels)
    assert run(tmp_path) == 1
    assert "cannot be fetched from s3://nobodys" in capsys.readouterr().err


def test_a_selection_without_its_bucket_is_refused(tmp_path: Path, capsys: Any) -> None:
    select(tmp_path, [])
    (tmp_path / "data" / "selection.json").write_text("{}")
    assert run(tmp_path) == 1
    assert "is not what `start --select` writes; select again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("no object", "Line 1 of labels.jsonl is not a JSON object with source-ref, class-name"),
        (line("a.png", "pug", "holdout", "1"), "has the split 'holdout'; allowed: train"),
        (line("../a.png", "pug", "train", "1"), "which names nothing below s3://bucket/"),
        ({**line("a", "pug", "train", "1"), "source-ref": "s3://other/a"}, "s3://other/a, which"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, bad: Any, words: str) -> None:
    select(tmp_path, [bad])
    with pytest.raises(SourceError, match=words):
        list(find_selected(tmp_path / "data", "s3://bucket"))
