"""Write a prepared data set in SageMaker's formats, and the report on it.

Boundary: a catalogue in, files out; every byte depends on the data and the seed alone.
Run the tests: `pytest tests/steps/test_prepare.py`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from catalogue import SPLITS, Catalogue, Image

REPORTED_REJECTIONS = 50
"""Rejected files named in statistics.json; rejected.jsonl names them all."""


def write_dataset(
    catalogue: Catalogue,
    folder: Path,
    source_uri: str,
    seed: int,
    selection: Mapping[str, Any] | None = None,
) -> None:
    """dataset.json and an augmented manifest for each split, below `folder`.

    `selection` tells of the query by which the images were selected.
    """
    folder.mkdir(parents=True)
    classes = sorted(catalogue.class_counts())
    label_of = {name: label for label, name in enumerate(classes)}
    prefix = _prefix(source_uri)
    document = {
        "version": 1,
        "classes": classes,
        "digest": catalogue.content_digest(),
        "source_uri": source_uri,
        "counts": _counts(catalogue),
        "seed": seed,
        **({"selection": selection} if selection else {}),
    }
    write_json(folder / "dataset.json", document)
    for split in SPLITS:
        lines = (_augmented(image, label_of, prefix) for image in catalogue.images(split))
        write_lines(folder / f"{split}.jsonl", lines)


def write_channels(
    catalogue: Catalogue, folder: Path, source_uri: str, copy_from: Path | None
) -> None:
    """For each split `<split>/ManifestFile`, and copies below `<split>/S3Prefix` when asked.

    An object is named after its S3DataType, so that a pipeline can make that a parameter.
    """
    for split in SPLITS:
        (folder / split).mkdir(parents=True)
        _write_manifest(catalogue, folder / split / "ManifestFile", split, source_uri)
        if copy_from is not None:
            _copy_images(catalogue, folder / split / "S3Prefix", split, copy_from)


def write_statistics(catalogue: Catalogue, folder: Path) -> None:
    """statistics.json, and rejected.jsonl with every rejected file, below `folder`."""
    write_json(folder / "statistics.json", statistics(catalogue))
    write_lines(folder / "rejected.jsonl", catalogue.rejected())


def statistics(catalogue: Catalogue) -> dict[str, Any]:
    """The report: counts, quantiles of width, height (pixels) and size (bytes), colour, rejects.

    Colour mean and standard deviation are per channel over the training pixels, from 0 to 1.
    """
    counts = _counts(catalogue)
    by_reason = catalogue.rejected_counts()
    total = catalogue.total()
    return {
        "files": total,
        "images": {split: sum(counts[split].values()) for split in SPLITS},
        "classes": len(catalogue.class_counts()),
        "counts": counts,
        "absent": _absent(catalogue, counts),
        "quantiles": {name: _quantiles(catalogue, name) for name in ("width", "height", "bytes")},
        "colour": _colour(catalogue.colour_sums("train")),
        "rejected": {
            "total": sum(by_reason.values()),
            "fraction": round(sum(by_reason.values()) / total, 6),
            "by_reason": by_reason,
            "first": list(catalogue.rejected(REPORTED_REJECTIONS)),
        },
    }


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    text = json.dumps(document, indent=2, sort_keys=True, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for line in lines:
            stream.write(json.dumps(line, allow_nan=False) + "\n")


def _counts(catalogue: Catalogue) -> dict[str, dict[str, int]]:
    return {split: catalogue.class_counts(split) for split in SPLITS}


def _absent(catalogue: Catalogue, counts: Mapping[str, Mapping[str, int]]) -> dict[str, list[str]]:
    """Classes without an image in a split, possible only where the user's splits say so."""
    classes = sorted(catalogue.class_counts())
    found = {split: [c for c in classes if c not in counts[split]] for split in SPLITS}
    return {split: names for split, names in found.items() if names}


def _quantiles(catalogue: Catalogue, column: str) -> dict[str, int]:
    shares = {"min": 0.0, "p5": 0.05, "p50": 0.5, "p95": 0.95, "max": 1.0}
    return {name: catalogue.quantile(column, share) for name, share in shares.items()}


def _colour(sums: tuple[int, ...]) -> dict[str, list[float]]:
    pixels, *rest = sums
    means = [value / pixels / 255 for value in rest[:3]]
    squares = [value / pixels / 255**2 for value in rest[3:]]
    deviations = [max(0.0, s - m * m) ** 0.5 for s, m in zip(squares, means, strict=True)]
    return {"mean": [round(m, 6) for m in means], "std": [round(d, 6) for d in deviations]}


def _augmented(image: Image, label_of: Mapping[str, int], prefix: str) -> dict[str, Any]:
    return {
        "source-ref": prefix + image.path,
        "class": label_of[image.class_name],
        "class-metadata": {
            "class-name": image.class_name,
            "human-annotated": "yes",
            "type": "groundtruth/image-classification",
            "job-name": "prepare",
            "sha256": image.digest,
            "width": image.width,
            "height": image.height,
        },
    }


def _write_manifest(catalogue: Catalogue, path: Path, split: str, source_uri: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write("[" + json.dumps({"prefix": _prefix(source_uri)}))
        for image in catalogue.images(split):
            stream.write(",\n" + json.dumps(image.path))
        stream.write("]\n")


def _copy_images(catalogue: Catalogue, folder: Path, split: str, source: Path) -> None:
    for image in catalogue.images(split):
        target = folder / image.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / image.path, target)


def _prefix(source_uri: str) -> str:
    # Manifest entries are appended to the prefix as they are: it must end with the slash.
    return source_uri.rstrip("/") + "/"
