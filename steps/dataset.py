"""Read the labelled images of one channel inside a container.

Boundary: folders in, records out; decoding pixels is images.py's work, splitting prepare.py's.
With the `dataset` channel that prepare.py wrote, labels and content digests come from its
manifests; without it, the name of an image's folder is its label.
Run the tests: `pytest tests/steps/test_dataset.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class DatasetError(Exception):
    """The data of a channel cannot be used; the message is one sentence with the way out."""


@dataclass(frozen=True)
class Record:
    """One labelled image. `order` is its place in the whole split, the same on every host."""

    path: Path
    label: int
    digest: str
    order: int


@dataclass(frozen=True)
class Channel:
    """The images of a channel that this host holds, in the order of the whole split.

    `classes[label]` is a label's name; `digest` names the content of the data set;
    `split_size` counts the split's images over all hosts (a host with a shard holds fewer).
    """

    records: tuple[Record, ...]
    classes: tuple[str, ...]
    digest: str
    split_size: int


def read_channel(
    folder: Path,
    split: str,
    dataset_folder: Path | None,
    classes: Sequence[str] | None = None,
) -> Channel:
    """The records of `folder`, the channel of `split` ("train", "validation" or "test").

    Without `dataset_folder` the labels are folder names: pass the training channel's `classes`
    when reading another split, so that labels agree even when a class is missing there.
    Raises DatasetError when the folder is missing or empty, or disagrees with the manifests.
    """
    if not folder.is_dir():
        raise DatasetError(f"The {split} channel {folder} does not exist; give the channel data.")
    if dataset_folder is None:
        channel = _from_folders(folder, split, classes)
    else:
        channel = _from_manifest(folder, split, dataset_folder)
    if not channel.records:
        raise DatasetError(
            f"The {split} channel {folder} holds no images; check the channel's S3 location."
        )
    return channel


def read_dataset(dataset_folder: Path) -> dict[str, Any]:
    """The content of dataset.json. Raises DatasetError when it is missing or unreadable."""
    path = dataset_folder / "dataset.json"
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"{path} cannot be read; pass prepare's dataset output.") from error
    except ValueError as error:
        raise DatasetError(f"{path} is not JSON; run prepare again.") from error
    missing = [key for key in ("classes", "digest", "source_uri") if key not in document]
    if missing:
        raise DatasetError(f"{path} lacks {', '.join(missing)}; run prepare again.")
    return document


def visible_files(folder: Path) -> Iterator[Path]:
    """Every file below `folder` that is not hidden and in no hidden folder, in sorted order.

    Memory grows with the largest single folder, not with the tree.
    """
    with os.scandir(folder) as entries:
        found = sorted((e.name, e.is_dir()) for e in entries if not e.name.startswith("."))
    for name, is_folder in found:
        if is_folder:
            yield from visible_files(folder / name)
        else:
            yield folder / name


def sha256(path: Path) -> str:
    """The hexadecimal SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _from_manifest(folder: Path, split: str, dataset_folder: Path) -> Channel:
    document = read_dataset(dataset_folder)
    manifest = dataset_folder / f"{split}.jsonl"
    here = {path.relative_to(folder).as_posix(): path for path in visible_files(folder)}
    records = []
    size = 0
    for size, (key, label, digest) in enumerate(_lines(manifest, document["source_uri"]), 1):
        path = here.pop(key, None)
        if path is not None:
            records.append(Record(path, label, digest, size - 1))
    if here:
        raise DatasetError(
            f"{min(here)} of the {split} channel is not listed in {manifest.name}; "
            "pass the dataset and the split of the same prepare run."
        )
    return Channel(tuple(records), tuple(document["classes"]), document["digest"], size)


def _lines(manifest: Path, source_uri: str) -> Iterator[tuple[str, int, str]]:
    """(path below the source, label, content digest) for each line of an augmented manifest."""
    prefix = source_uri.rstrip("/") + "/"
    try:
        with manifest.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                yield _line(line, prefix, f"{manifest}, line {number}")
    except OSError as error:
        raise DatasetError(f"{manifest} cannot be read; pass prepare's dataset output.") from error


def _line(line: str, prefix: str, place: str) -> tuple[str, int, str]:
    try:
        entry = json.loads(line)
        source, label = str(entry["source-ref"]), int(entry["class"])
        digest = str(entry["class-metadata"]["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{place} is no manifest line; run prepare again.") from error
    if not source.startswith(prefix):
        raise DatasetError(f"{place} names {source}, which is not below {prefix}.")
    return source[len(prefix) :], label, digest


def _from_folders(folder: Path, split: str, classes: Sequence[str] | None) -> Channel:
    # A file right in the channel belongs to no class: a manifest or a note, not an image.
    paths = [path for path in visible_files(folder) if path.parent != folder]
    found = sorted({path.parent.name for path in paths})
    names = tuple(classes) if classes is not None else tuple(found)
    unknown = [name for name in found if name not in names]
    if unknown:
        raise DatasetError(
            f"The {split} channel has the class folder {unknown[0]!r}, which the training data "
            f"lacks; the classes are {', '.join(names)}."
        )
    label_of = {name: label for label, name in enumerate(names)}
    records = tuple(
        Record(path, label_of[path.parent.name], sha256(path), order)
        for order, path in enumerate(paths)
    )
    return Channel(records, names, _content_digest(records, names), len(records))


def _content_digest(records: Iterable[Record], classes: Sequence[str]) -> str:
    """Depends on contents and labels only, not on file names or order."""
    lines = sorted(f"{record.digest} {classes[record.label]}\n" for record in records)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
