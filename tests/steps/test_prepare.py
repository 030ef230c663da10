"""prepare.py as a job runs it: real folders of real images in, manifests and reports out."""

from __future__ import annotations

import json
import os
import random
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import dataset
import pytest
from PIL import Image
from prepare import carve, main, parse

URI = "s3://bucket/photos"


def photo(path: Path, seed: int | str) -> Path:
    """A small image whose content depends on the seed alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = random.Random(str(seed)).randbytes(12 * 9 * 3)  # noqa: S311
    Image.frombytes("RGB", (12, 9), noise).save(path)
    return path


def photos(folder: Path, count: int = 10, classes: tuple[str, ...] = ("pug", "samoyed")) -> Path:
    for name in classes:
        for number in range(count):
            photo(folder / name / f"{number}.png", f"{folder.name}{name}{number}")
    return folder


def run(data: Path, out: Path, *arguments: str) -> int:
    required = ("--input", str(data), "--source-uri", URI)
    outputs = ("--output", str(out / "splits"), "--statistics", str(out / "statistics"))
    return main([*required, *outputs, *arguments])


def failure(capsys: pytest.CaptureFixture[str], data: Path, out: Path, *arguments: str) -> str:
    """The one sentence of a run that must fail, and must leave nothing behind."""
    assert run(data, out, *arguments) == 1
    assert [path for path in out.rglob("*") if path.is_file()] == []
    message = capsys.readouterr().err
    assert message.startswith("prepare: ") and message.count("\n") == 1
    return message


def load(path: Path) -> Any:
    return json.loads(path.read_text())


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def splits(out: Path) -> dict[str, set[str]]:
    """The relative paths of each split, from the manifests."""
    return {
        split: set(load(out / "splits" / split / "ManifestFile")[1:])
        for split in ("train", "validation", "test")
    }


def rejected(out: Path) -> dict[str, str]:
    return {line["path"]: line["reason"] for line in lines(out / "statistics" / "rejected.jsonl")}


def test_a_folder_of_classes_becomes_three_manifests(tmp_path: Path) -> None:
    assert run(photos(tmp_path / "data"), tmp_path) == 0
    found = splits(tmp_path)
    assert {split: len(paths) for split, paths in found.items()} == {
        "train": 12,
        "validation": 4,
        "test": 4,
    }
    assert len(set[str]().union(*found.values())) == 20
    for split in found:
        assert load(tmp_path / "splits" / split / "ManifestFile")[0] == {"prefix": f"{URI}/"}


def test_the_dataset_channel_carries_classes_labels_and_digests(tmp_path: Path) -> None:
    run(photos(tmp_path / "data"), tmp_path)
    folder = tmp_path / "splits" / "dataset"
    document = load(folder / "dataset.json")
    assert document["classes"] == ["pug", "samoyed"]
    assert document["counts"]["train"] == {"pug": 6, "samoyed": 6}
    line = lines(folder / "train.jsonl")[-1]
    relative = line["source-ref"].removeprefix(f"{URI}/")
    assert line["class"] == 1
    assert line["class-metadata"]["class-name"] == "samoyed" == relative.split("/")[0]
    assert line["class-metadata"]["sha256"] == dataset.sha256(tmp_path / "data" / relative)
    assert (line["class-metadata"]["width"], line["class-metadata"]["height"]) == (12, 9)


def test_copied_images_are_read_back_as_a_channel(tmp_path: Path) -> None:
    run(photos(tmp_path / "data"), tmp_path, "--data-type", "S3Prefix")
    out = tmp_path / "splits"
    channel = dataset.read_channel(out / "test" / "S3Prefix", "test", out / "dataset")
    assert [channel.classes[r.label] for r in channel.records] == ["pug"] * 2 + ["samoyed"] * 2
    assert all(r.digest == dataset.sha256(r.path) for r in channel.records)
    assert channel.digest == load(out / "dataset" / "dataset.json")["digest"]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    data = photos(tmp_path / "data")
    photo(data / "pug" / "copy.png", "datapug0")
    outputs = []
    for name in ("one", "two"):
        run(data, tmp_path / name)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        outputs.append({p.relative_to(tmp_path / name): p.read_bytes() for p in files})
    assert outputs[0] == outputs[1]


def test_another_seed_gives_another_split_and_another_digest(tmp_path: Path) -> None:
    data = photos(tmp_path / "data")
    run(data, tmp_path / "one")
    run(data, tmp_path / "two", "--seed", "8")
    assert splits(tmp_path / "one") != splits(tmp_path / "two")
    digests = [load(tmp_path / n / "splits/dataset/dataset.json")["digest"] for n in ("one", "two")]
    assert digests[0] != digests[1]


def test_renaming_files_does_not_change_the_split_of_their_content(tmp_path: Path) -> None:
    data = photos(tmp_path / "data")
    run(data, tmp_path / "one")
    for path in list(data.rglob("*.png")):
        path.rename(path.with_name(f"renamed_{9 - int(path.stem)}.png"))
    run(data, tmp_path / "two")
    digests = [load(tmp_path / n / "splits/dataset/dataset.json")["digest"] for n in ("one", "two")]
    assert digests[0] == digests[1]


def test_a_new_image_moves_at_most_one_other_across_each_border(tmp_path: Path) -> None:
    data = photos(tmp_path / "data", count=40)
    run(data, tmp_path / "before")
    for number in range(5):
        photo(data / "pug" / f"new{number}.png", f"new{number}")
        run(data, tmp_path / "after")
        before, after = splits(tmp_path / "before"), splits(tmp_path / "after")
        moved = sum(len(before[split] - after[split]) for split in before)
        assert moved <= 2
        shutil.rmtree(tmp_path / "before")
        (tmp_path / "after").rename(tmp_path / "before")


def test_damaged_repeated_and_foreign_files_are_left_out_with_reasons(tmp_path: Path) -> None:
    data = photos(tmp_path / "data", count=20)
    whole = photo(data / "pug" / "cut.png", "cut").read_bytes()
    (data / "pug" / "cut.png").write_bytes(whole[: len(whole) // 2])
    photo(data / "pug" / "z.png", "datapug3")
    (data / "samoyed" / "Thumbs.db").write_bytes(b"not an image at all")
    (data / "README.txt").write_text("about these photos")
    (data / "samoyed" / ".DS_Store").write_bytes(b"ignored")
    assert run(data, tmp_path, "--max-rejected-fraction", "0.2") == 0
    assert rejected(tmp_path) == {
        "README.txt": "no-class",
        "pug/cut.png": "corrupt",
        "pug/z.png": "duplicate",
        "samoyed/Thumbs.db": "not-an-image",
    }
    report = load(tmp_path / "statistics" / "statistics.json")
    assert report["rejected"]["total"] == 4
    assert report["rejected"]["by_reason"]["duplicate"] == 1
    assert report["files"] == 44
    accepted = set[str]().union(*splits(tmp_path).values())
    assert not set(rejected(tmp_path)) & accepted


def test_one_content_under_two_labels_is_left_out_entirely(tmp_path: Path) -> None:
    data = photos(tmp_path / "data")
    for place in ("pug/a.png", "pug/b.png", "samoyed/c.png"):
        photo(data / place, "ambiguous")
    run(data, tmp_path, "--max-rejected-fraction", "0.5")
    assert rejected(tmp_path) == dict.fromkeys(
        ("pug/a.png", "pug/b.png", "samoyed/c.png"), "conflicting-labels"
    )
    message = lines(tmp_path / "statistics" / "rejected.jsonl")[0]["message"]
    assert message == "The same content is in the classes pug and samoyed."


def test_a_leak_between_given_splits_is_closed_on_the_training_side(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for split in ("train", "valid", "test"):
        photos(data / split, count=6)
    photo(data / "train" / "pug" / "leak.png", "testpug0")
    assert run(data, tmp_path) == 0
    assert rejected(tmp_path) == {"train/pug/leak.png": "duplicate"}
    assert {split: len(paths) for split, paths in splits(tmp_path).items()} == {
        "train": 12,
        "validation": 12,
        "test": 12,
    }


@pytest.mark.parametrize(
    "given, carved",
    [(("train", "test"), "validation"), (("train", "val"), "test")],
)
def test_a_missing_split_is_carved_out_of_train(
    tmp_path: Path, given: tuple[str, ...], carved: str
) -> None:
    for split in given:
        photos(tmp_path / "data" / split, count=10)
    assert run(tmp_path / "data", tmp_path) == 0
    found = splits(tmp_path)
    assert len(found[carved]) == 4 and all(path.startswith("train/") for path in found[carved])
    assert len(found["train"]) == 16


def test_an_augmented_manifest_is_accepted_and_missing_files_are_reported(tmp_path: Path) -> None:
    data = photos(tmp_path / "data")
    entries = [
        {
            "source-ref": f"{URI}/{path.relative_to(data).as_posix()}",
            "label": 0,
            "label-metadata": {"class-name": f"breed {path.parent.name}"},
        }
        for path in sorted(data.rglob("*.png"))
    ]
    entries[0]["source-ref"] = f"{URI}/pug/gone.png"
    text = "".join(json.dumps(entry) + "\n" for entry in entries)
    (data / "labels.manifest").write_text(text)
    assert run(data, tmp_path) == 0
    assert load(tmp_path / "splits/dataset/dataset.json")["classes"] == [
        "breed pug",
        "breed samoyed",
    ]
    assert rejected(tmp_path) == {"pug/gone.png": "missing"}


def test_a_file_named_twice_in_a_manifest_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = photos(tmp_path / "data", count=1)
    line = {"source-ref": f"{URI}/pug/0.png", "a": 0, "a-metadata": {"class-name": "pug"}}
    (data / "labels.jsonl").write_text((json.dumps(line) + "\n") * 2)
    assert "names pug/0.png twice" in failure(capsys, data, tmp_path / "out")


def test_too_many_rejected_files_fail_with_the_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = photos(tmp_path / "data")
    for number in range(5):
        (data / "pug" / f"bad{number}.jpg").write_bytes(b"text")
    message = failure(capsys, data, tmp_path / "out")
    assert "5 of 25 files (20.0%) were rejected, more than max-rejected-fraction 0.1" in message
    assert "5 not-an-image (first pug/bad0.jpg:" in message


def test_all_images_corrupt_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = photos(tmp_path / "data", count=3)
    for path in data.rglob("*.png"):
        path.write_bytes(path.read_bytes()[:60])
    message = failure(capsys, data, tmp_path / "out")
    assert "None of the 6 files in s3://bucket/photos is a usable image: 6 corrupt" in message


def test_an_empty_class_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = photos(tmp_path / "data")
    (data / "beagle").mkdir()
    assert "class folder is empty: beagle" in failure(capsys, data, tmp_path / "out")


def test_a_missing_data_location_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = failure(capsys, tmp_path / "nowhere", tmp_path / "out")
    assert "The data location s3://bucket/photos holds no files" in message


def test_a_class_with_too_few_usable_images_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = photos(tmp_path / "data", count=40)
    photos(data, count=4, classes=("beagle",))
    (data / "corgi").mkdir()
    (data / "corgi" / "bad.png").write_bytes(b"text")
    message = failure(capsys, data, tmp_path / "out")
    assert "at least 5 usable images, but beagle has 4, corgi has 0;" in message


def test_a_single_class_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = photos(tmp_path / "data", classes=("pug",))
    assert "Only one class (pug) was found" in failure(capsys, data, tmp_path / "out")


def test_a_class_without_training_images_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos(tmp_path / "data" / "train", count=8)
    photos(tmp_path / "data" / "test", count=8, classes=("pug", "beagle"))
    message = failure(capsys, tmp_path / "data", tmp_path / "out")
    assert "class beagle has no usable image in train" in message


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
def test_a_name_that_no_s3_key_can_hold_is_rejected(tmp_path: Path) -> None:
    data = photos(tmp_path / "data", count=20)
    target = os.fsencode(data) + b"/pug/caf\xe9.png"
    try:
        Path(os.fsdecode(target)).write_bytes(photo(tmp_path / "x.png", "x").read_bytes())
    except OSError:
        pytest.skip("this file system accepts only UTF-8 names")
    assert run(data, tmp_path) == 0
    assert list(rejected(tmp_path).values()) == ["bad-name"]


def test_a_failure_keeps_the_earlier_output(tmp_path: Path) -> None:
    data = photos(tmp_path / "data")
    run(data, tmp_path)
    before = splits(tmp_path)
    (data / "beagle").mkdir()
    assert run(data, tmp_path) == 1
    assert splits(tmp_path) == before


def test_new_output_replaces_the_old_entirely(tmp_path: Path) -> None:
    data = photos(tmp_path / "data")
    run(data, tmp_path, "--data-type", "S3Prefix")
    assert run(data, tmp_path) == 0
    assert not (tmp_path / "splits" / "train" / "S3Prefix").exists()
    assert not list(tmp_path.rglob(".staging"))


def test_the_colour_statistics_are_those_of_the_training_pixels(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for name, level in (("dark", 0), ("light", 255)):
        for number in range(10):
            image = Image.new("RGB", (10, 10), (level, level, level))
            image.putpixel((number, 0), (51, 51, 51))  # contents must differ
            (data / name).mkdir(parents=True, exist_ok=True)
            image.save(data / name / f"{number}.png")
    run(data, tmp_path)
    colour = load(tmp_path / "statistics" / "statistics.json")["colour"]
    mean = (99 * 1.0 + 0.2 + 0.2) / 200
    square = (99 * 1.0 + 0.04 + 0.04) / 200
    assert colour["mean"] == pytest.approx([mean] * 3, abs=1e-6)
    assert colour["std"] == pytest.approx([(square - mean**2) ** 0.5] * 3, abs=1e-6)


def peak_memory(data: Path, out: Path) -> int:
    tracemalloc.start()
    try:
        assert run(data, out) == 0
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_data_set(tmp_path: Path) -> None:
    # Both are more than what is looked at ahead, which is bounded and the same for both.
    few, many = photos(tmp_path / "few", count=150), photos(tmp_path / "many", count=650)
    run(few, tmp_path / "warm-up")  # loads Pillow's plugins
    peaks = [peak_memory(data, tmp_path / f"out-{data.name}") for data in (few, many)]
    # 1,000 more files, kept as one small record each, would be some 330 kB.
    assert peaks[1] < peaks[0] + 150_000


@pytest.mark.parametrize(
    "count, expected",
    [(40, (6, 6)), (10, (2, 2)), (5, (1, 1)), (3, (1, 1)), (2, (1, 0)), (1, (0, 0))],
)
def test_carving_leaves_at_least_one_image_to_train_on(
    count: int, expected: tuple[int, int]
) -> None:
    wanted = carve(count, {"test": 0.15, "validation": 0.15})
    assert (wanted["test"], wanted["validation"]) == expected


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--test-fraction", "1.5"), "must lie between 0 and 1, not 1.5"),
        (("--test-fraction", "0.5", "--validation-fraction", "0.5"), "nothing to train on"),
        (("--source-uri", "http://x"), "must begin with s3://, not 'http://x'"),
        (("--min-images-per-class", "0"), "must be at least 1, not 0"),
    ],
)
def test_bad_options_are_refused_at_parsing(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    required = ["--input", "a", "--source-uri", URI, "--output", "b", "--statistics", "c"]
    with pytest.raises(SystemExit) as caught:
        parse([*required, *arguments])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
