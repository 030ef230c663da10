"""Which objects a source means, how hosts share them, and where they lie."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from local.jobs.channels import Source, find_content, place
from local.jobs.failure import JobFailure

BUCKET = "bucket"


@pytest.fixture
def objects(backend):
    for key in ("dogs/beagle/1.jpg", "dogs/beagle/2.jpg", "dogs/collie/1.jpg", "dogs.csv"):
        backend.objects.write(BUCKET, key, key.encode())
    backend.objects.write(BUCKET, "dogs/", b"")  # the marker that consoles make
    return backend.objects


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    return tmp_path / "channel"


def laid(objects, folder: Path, source: Source, index: int = 0, count: int = 1) -> dict[str, str]:
    place(find_content(objects, source).share(index, count, source), folder, source.gunzip)
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def manifest(objects, content: object, key: str = "lists/m.manifest") -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    objects.write(BUCKET, key, text.encode())
    return f"s3://{BUCKET}/{key}"


@pytest.mark.parametrize("uri", ["s3://bucket/dogs/", "s3://bucket/dogs/beagle/1.jpg"])
def test_paths_are_those_below_the_prefix(objects, channel, uri):
    found = laid(objects, channel, Source(uri))
    if uri.endswith("/"):
        assert sorted(found) == ["beagle/1.jpg", "beagle/2.jpg", "collie/1.jpg"]
    else:
        assert found == {"1.jpg": "dogs/beagle/1.jpg"}


def test_a_prefix_is_no_folder(objects, channel):
    assert sorted(laid(objects, channel, Source("s3://bucket/dogs/b"))) == [
        *("beagle/1.jpg", "beagle/2.jpg")
    ]
    assert "dogs.csv" in laid(objects, channel / "all", Source("s3://bucket/dogs"))


def test_objects_are_linked_not_copied(objects, channel):
    laid(objects, channel, Source("s3://bucket/dogs/"))
    body = objects.find(BUCKET, "dogs/beagle/1.jpg").path
    assert (channel / "beagle" / "1.jpg").samefile(body)


def test_shards_share_out_the_keys_in_turn(objects, channel):
    source = Source("s3://bucket/dogs/", distribution="ShardedByS3Key")
    shares = [sorted(laid(objects, channel / str(i), source, i, 2)) for i in range(2)]
    assert shares == [["beagle/1.jpg", "collie/1.jpg"], ["beagle/2.jpg"]]


def test_a_manifest_names_objects_below_its_prefixes(objects, channel):
    uri = manifest(
        objects,
        [{"prefix": "s3://bucket/dogs/"}, "beagle/1.jpg", {"prefix": "s3://bucket/"}, "dogs.csv"],
    )
    assert laid(objects, channel, Source(uri, "ManifestFile")) == {
        "beagle/1.jpg": "dogs/beagle/1.jpg",
        "dogs.csv": "dogs.csv",
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[{"prefix": "s3://bucket/"},\n "a",\n', "m.manifest is not JSON: .* at line 3 column 1"),
        ({"prefix": "s3://bucket/"}, "must be a JSON list"),
        (["a.jpg"], 'Entry 1 of the manifest .* is "a.jpg"; it must be {"prefix"'),
        ([{"prefix": "s3://bucket/"}, 7], "Entry 2 of the manifest .* is 7"),
        ([{"prefix": "s3://bucket/"}, "none.jpg"], "names s3://bucket/none.jpg, which does not"),
        ([{"prefix": "s3://bucket/"}], "names no objects"),
    ],
)
def test_a_broken_manifest_fails_by_name(objects, content, words):
    with pytest.raises(JobFailure, match=f"ClientError: Data download failed: .*{words}"):
        find_content(objects, Source(manifest(objects, content), "ManifestFile"))


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_an_augmented_manifest_lies_beside_its_objects(objects, channel):
    rows = [
        {"source-ref": "s3://bucket/dogs/beagle/1.jpg", "class": 0, "note": "x"},
        {"source-ref": "s3://bucket/dogs/collie/1.jpg", "class": 1},
    ]
    uri = manifest(objects, lines(*rows), "lists/train.jsonl")
    source = Source(uri, "AugmentedManifestFile", attributes=("source-ref", "class"))
    found = laid(objects, channel, source)
    assert sorted(found) == ["beagle/1.jpg", "collie/1.jpg", "train.jsonl"]
    assert [json.loads(line) for line in found["train.jsonl"].splitlines()] == rows


def test_shards_of_an_augmented_manifest_keep_lines_and_objects_together(objects, channel):
    rows = [
        {"source-ref": f"s3://bucket/dogs/{n}"}
        for n in ("beagle/1.jpg", "beagle/2.jpg", "collie/1.jpg")
    ]
    uri = manifest(objects, lines(*rows), "lists/train.jsonl")
    source = Source(uri, "AugmentedManifestFile", "ShardedByS3Key", attributes=("source-ref",))
    found = laid(objects, channel, source, 1, 2)
    assert sorted(found) == ["beagle/2.jpg", "train.jsonl"]
    assert json.loads(found["train.jsonl"]) == rows[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"source-ref": "s3://bucket/dogs.csv"}\n\n{broken\n', "Line 3 .* is not JSON"),
        ('{"class": 1}\n', "Line 1 .* has no attribute 'source-ref'"),
        ("[]\n", "Line 1 .* must be a JSON object"),
        ('{"source-ref": "s3://bucket/none"}\n', "names s3://bucket/none, which does not exist"),
        ('{"source-ref": "/local/none"}\n', "'/local/none' is not an S3 URI"),
        ("\n", "has no lines"),
    ],
)
def test_a_broken_augmented_manifest_fails_by_line(objects, text, words):
    source = Source(manifest(objects, text), "AugmentedManifestFile", attributes=("source-ref",))
    with pytest.raises(JobFailure, match=words):
        find_content(objects, source)


def test_gzip_objects_are_unpacked(objects, channel):
    objects.write(BUCKET, "packed/rows.csv.gz", gzip.compress(b"1,2"))
    assert laid(objects, channel, Source("s3://bucket/packed/", gunzip=True)) == {"rows.csv": "1,2"}
    with pytest.raises(JobFailure, match="dogs.csv is not gzip data"):
        laid(objects, channel, Source("s3://bucket/dogs.csv", gunzip=True))


def test_a_key_that_is_both_file_and_folder_is_named(objects, channel):
    objects.write(BUCKET, "twice/a", b"")
    objects.write(BUCKET, "twice/a/b", b"")
    with pytest.raises(JobFailure, match="s3://bucket/twice/a/b cannot be stored as a file"):
        laid(objects, channel, Source("s3://bucket/twice/"))


def test_a_key_cannot_leave_its_channel(objects, channel):
    objects.write(BUCKET, "up/../../x", b"")
    with pytest.raises(JobFailure, match="would leave its channel's folder"):
        laid(objects, channel, Source("s3://bucket/up/"))


@pytest.mark.parametrize("uri", ["s3://bucket/cats/", "s3://nobody/"])
def test_nothing_found_is_a_failed_download(objects, uri):
    with pytest.raises(JobFailure, match=f"Data download failed: No objects at {uri}"):
        find_content(objects, Source(uri))
