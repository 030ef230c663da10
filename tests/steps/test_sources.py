"""sources.find_candidates: the three layouts, and one sentence for every unusable one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sources import Candidate, SourceError, find_candidates

URI = "s3://bucket/photos"


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def found(folder: Path) -> list[tuple[str, str, str]]:
    candidates = sorted(find_candidates(folder, URI), key=lambda c: c.relative)
    return [(c.relative, c.class_name, c.split) for c in candidates]


def write_manifest(folder: Path, *entries: object, name: str = "data.manifest") -> Path:
    lines = [entry if isinstance(entry, str) else json.dumps(entry) for entry in entries]
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder


def entry(source: str, label: str) -> dict[str, object]:
    return {"source-ref": source, "breed": 0, "breed-metadata": {"class-name": label}}


def test_class_folders_label_their_files_at_any_depth(tmp_path: Path) -> None:
    fill(tmp_path, "pug/a.jpg", "pug/2024/b.jpg", "samoyed/c.jpg", "notes.txt")
    assert found(tmp_path) == [
        ("notes.txt", "", ""),
        ("pug/2024/b.jpg", "pug", ""),
        ("pug/a.jpg", "pug", ""),
        ("samoyed/c.jpg", "samoyed", ""),
    ]


@pytest.mark.parametrize("name", ["valid", "validation", "val", "Valid"])
def test_split_folders_name_their_split(tmp_path: Path, name: str) -> None:
    fill(tmp_path, "train/pug/a.jpg", f"{name}/pug/b.jpg", "test/pug/c.jpg", "test/stray.jpg")
    assert set(found(tmp_path)) == {
        ("train/pug/a.jpg", "pug", "train"),
        (f"{name}/pug/b.jpg", "pug", "validation"),
        ("test/pug/c.jpg", "pug", "test"),
        ("test/stray.jpg", "", "test"),
    }


def test_hidden_files_and_folders_are_not_seen(tmp_path: Path) -> None:
    fill(tmp_path, ".DS_Store", "pug/.DS_Store", "pug/a.jpg", ".git/config", "__MACOSX/._a.jpg/x")
    (tmp_path / "__MACOSX" / "._a.jpg" / "x").unlink()
    (tmp_path / "__MACOSX" / "._a.jpg").rmdir()
    (tmp_path / "__MACOSX").rmdir()
    assert found(tmp_path) == [("pug/a.jpg", "pug", "")]


def test_an_augmented_manifest_gives_names_and_labels(tmp_path: Path) -> None:
    write_manifest(tmp_path, entry(f"{URI}/x/1.jpg", "pug"), entry(f"{URI}/2.jpg", "samoyed"))
    fill(tmp_path, "x/1.jpg", "2.jpg")
    assert list(find_candidates(tmp_path, URI)) == [
        Candidate("x/1.jpg", "pug", ""),
        Candidate("2.jpg", "samoyed", ""),
    ]


@pytest.mark.parametrize(
    "line, message",
    [
        ("not json", 'Line 2 of data.manifest is not a JSON object with "source-ref"'),
        ("[1]", 'is not a JSON object with "source-ref"'),
        ({"source-ref": f"{URI}/a.jpg", "class": 0}, 'exactly one "…-metadata" object'),
        (entry("s3://elsewhere/a.jpg", "pug"), "s3://elsewhere/a.jpg, which is not below"),
        (entry("s3://bucket/photos2/a.jpg", "pug"), "not below s3://bucket/photos/"),
        (entry(f"{URI}/../secret/a.jpg", "pug"), "names no file below"),
        (entry(f"{URI}//etc/passwd", "pug"), "names no file below"),
        (entry(f"{URI}/a\0.jpg", "pug"), "names no file below"),
    ],
)
def test_a_bad_manifest_line_is_named(tmp_path: Path, line: object, message: str) -> None:
    write_manifest(tmp_path, entry(f"{URI}/1.jpg", "pug"), line)
    with pytest.raises(SourceError) as caught:
        list(find_candidates(tmp_path, URI))
    assert message in str(caught.value)


def test_an_empty_manifest_and_two_manifests_are_refused(tmp_path: Path) -> None:
    write_manifest(tmp_path, "")
    with pytest.raises(SourceError, match="has no lines"):
        list(find_candidates(tmp_path, URI))
    write_manifest(tmp_path, "", name="other.jsonl")
    with pytest.raises(SourceError, match=r"2 manifests \(data.manifest, other.jsonl\); leave one"):
        find_candidates(tmp_path, URI)


def test_a_missing_or_empty_location_names_its_uri(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(SourceError, match="s3://bucket/photos holds no files"):
            find_candidates(folder, URI)


def test_images_without_class_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no class folders"):
        find_candidates(fill(tmp_path, "a.jpg", "b.jpg"), URI)


def test_empty_class_folders_are_named_before_anything_is_read(tmp_path: Path) -> None:
    fill(tmp_path, "pug/a.jpg", "beagle/.DS_Store")
    with pytest.raises(SourceError, match="The following class folder is empty: beagle; add"):
        find_candidates(tmp_path, URI)
    (tmp_path / "corgi" / "nested").mkdir(parents=True)
    with pytest.raises(SourceError, match="class folders are empty: beagle, corgi;"):
        find_candidates(tmp_path, URI)


def test_an_empty_class_folder_inside_a_split_is_named_with_its_split(tmp_path: Path) -> None:
    fill(tmp_path, "train/pug/a.jpg")
    (tmp_path / "test" / "pug").mkdir(parents=True)
    with pytest.raises(SourceError, match="empty: test/pug"):
        find_candidates(tmp_path, URI)


def test_split_and_class_folders_side_by_side_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"mixes split folders \(train\) with class folders"):
        find_candidates(fill(tmp_path, "train/pug/a.jpg", "beagle/b.jpg"), URI)


def test_a_test_folder_without_a_train_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has test but no train folder"):
        find_candidates(fill(tmp_path, "test/pug/a.jpg"), URI)
