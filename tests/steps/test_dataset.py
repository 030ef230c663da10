"""dataset.read_channel: labels from the manifests or the folder names, whole or sharded."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from dataset import DatasetError, read_channel, visible_files

SOURCE = "s3://bucket/photos"


def put(root: Path, name: str, content: bytes = b"") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content or name.encode())
    return path


def write_dataset(folder: Path, split: str, lines: list[tuple[str, int]]) -> Path:
    """A dataset channel; the labels deliberately differ from the folder names."""
    classes = ["pug", "samoyed"]
    document = {"version": 1, "classes": classes, "digest": "d" * 64, "source_uri": SOURCE}
    put(folder, "dataset.json", json.dumps(document).encode())
    entries = [
        {
            "source-ref": f"{SOURCE}/{name}",
            "class": label,
            "class-metadata": {"class-name": classes[label], "sha256": f"{number:064d}"},
        }
        for number, (name, label) in enumerate(lines)
    ]
    put(folder, f"{split}.jsonl", "".join(json.dumps(e) + "\n" for e in entries).encode())
    return folder


def test_labels_and_digests_come_from_the_manifest(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "dataset", "train", [("x/b.jpg", 1), ("x/a.jpg", 0)])
    for name in ("x/a.jpg", "x/b.jpg", ".hidden/c.jpg", "x/.DS_Store"):
        put(tmp_path / "train", name)
    channel = read_channel(tmp_path / "train", "train", dataset)
    assert channel.classes == ("pug", "samoyed")
    assert channel.digest == "d" * 64
    assert [(r.path.name, r.label, r.digest[-1], r.order) for r in channel.records] == [
        ("b.jpg", 1, "0", 0),
        ("a.jpg", 0, "1", 1),
    ]


def test_a_host_with_a_shard_knows_the_size_and_the_order_of_the_whole_split(
    tmp_path: Path,
) -> None:
    names = [(f"x/{n}.jpg", n % 2) for n in range(5)]
    dataset = write_dataset(tmp_path / "dataset", "train", names)
    for number, (name, _) in enumerate(names):
        put(tmp_path / f"host{number % 2}", name)
    shards = [read_channel(tmp_path / f"host{n}", "train", dataset) for n in (0, 1)]
    assert [[r.order for r in shard.records] for shard in shards] == [[0, 2, 4], [1, 3]]
    assert [shard.split_size for shard in shards] == [5, 5]
    assert shards[0].digest == shards[1].digest


def test_a_file_outside_the_manifest_is_an_error_that_names_it(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "dataset", "train", [("x/a.jpg", 0)])
    put(tmp_path / "train", "x/a.jpg")
    put(tmp_path / "train", "x/stranger.jpg")
    with pytest.raises(DatasetError, match=r"x/stranger\.jpg .* not listed in train\.jsonl"):
        read_channel(tmp_path / "train", "train", dataset)


def test_a_manifest_line_of_another_location_is_an_error(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "dataset", "train", [("x/a.jpg", 0)])
    put(tmp_path / "train", "x/a.jpg")
    text = (dataset / "train.jsonl").read_text().replace("s3://bucket/photos", "s3://other/place")
    (dataset / "train.jsonl").write_text(text)
    with pytest.raises(DatasetError, match="s3://other/place/x/a.jpg, which is not below"):
        read_channel(tmp_path / "train", "train", dataset)


def test_without_a_dataset_channel_folder_names_are_the_labels(tmp_path: Path) -> None:
    put(tmp_path / "train", "samoyed/1.jpg", b"one")
    put(tmp_path / "train", "pug/2.jpg", b"two")
    put(tmp_path / "train", "notes.txt", b"not in a class")
    channel = read_channel(tmp_path / "train", "train", None)
    assert channel.classes == ("pug", "samoyed")
    assert [(r.path.name, r.label) for r in channel.records] == [("2.jpg", 0), ("1.jpg", 1)]
    assert channel.records[0].digest == hashlib.sha256(b"two").hexdigest()
    assert channel.split_size == 2


def test_the_fallback_digest_depends_on_content_and_not_on_names(tmp_path: Path) -> None:
    put(tmp_path / "one", "pug/1.jpg", b"same")
    put(tmp_path / "two", "pug/renamed.jpg", b"same")
    put(tmp_path / "three", "pug/1.jpg", b"other")
    digests = [read_channel(tmp_path / n, "train", None).digest for n in ("one", "two", "three")]
    assert digests[0] == digests[1] != digests[2]


def test_another_split_keeps_the_training_classes(tmp_path: Path) -> None:
    put(tmp_path / "validation", "samoyed/1.jpg")
    classes = ("pug", "samoyed")
    channel = read_channel(tmp_path / "validation", "validation", None, classes)
    assert channel.records[0].label == 1
    put(tmp_path / "validation", "wolf/1.jpg")
    with pytest.raises(DatasetError, match="'wolf', which the training data lacks"):
        read_channel(tmp_path / "validation", "validation", None, classes)


def test_missing_and_empty_channels_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="train channel .* does not exist"):
        read_channel(tmp_path / "nowhere", "train", None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="holds no images"):
        read_channel(tmp_path / "empty", "train", None)
    with pytest.raises(DatasetError, match=r"dataset\.json cannot be read"):
        read_channel(tmp_path / "empty", "train", tmp_path)


def test_files_are_listed_in_a_stable_order_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b/2", "a/9", "b/10", ".git/x", "b/.DS_Store", "c"):
        put(tmp_path, name)
    found = [path.relative_to(tmp_path).as_posix() for path in visible_files(tmp_path)]
    assert found == ["a/9", "b/10", "b/2", "c"]
