"""Find the labelled files of a data set that a user brings, in any of the three layouts.

Boundary: a folder in, candidates out, one at a time; no file is opened here but a manifest.
Layouts: class folders; train|validation|test folders of class folders; or one augmented
manifest (JSON Lines) at the top, beside the folders its lines refer to.
Run the tests: `pytest tests/steps/test_sources.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "valid": "validation",
    "validation": "validation",
    "val": "validation",
    "test": "test",
}
MANIFEST_SUFFIXES = (".manifest", ".jsonl")


class SourceError(Exception):
    """The data location cannot be used; the message is one sentence with the way out."""


@dataclass(frozen=True)
class Candidate:
    """A file that claims to be an image of a class.

    `relative` is its path below the data location, with "/"; `class_name` is empty for a file
    outside every class folder; `split` is empty when the layout does not say, and `digest` when
    nobody knows what the content should be.
    """

    relative: str
    class_name: str
    split: str
    digest: str = ""


def find_candidates(folder: Path, source_uri: str) -> Iterator[Candidate]:
    """Every visible file of the data set, in no particular order, in constant memory.

    Raises SourceError: for unusable folders at the call, for a bad manifest line on reaching it.
    """
    entries = sorted(_visible(folder), key=lambda e: e.name) if folder.is_dir() else []
    if not entries:
        raise SourceError(f"The data location {source_uri} holds no files; check its S3 URI.")
    manifests = [e.name for e in entries if e.is_file() and e.name.endswith(MANIFEST_SUFFIXES)]
    if len(manifests) > 1:
        raise SourceError(
            f"The data location {source_uri} holds {len(manifests)} manifests "
            f"({', '.join(manifests)}); leave one."
        )
    if manifests:
        return _from_manifest(folder / manifests[0], source_uri)
    return _from_folders(folder, [e.name for e in entries if e.is_dir()], source_uri)


def walk(folder: Path, below: str = "") -> Iterator[str]:
    """Paths of visible files below `folder`, relative and with "/", in no particular order."""
    for entry in _visible(folder):
        if entry.is_dir():
            yield from walk(folder / entry.name, f"{below}{entry.name}/")
        else:
            yield f"{below}{entry.name}"


def _visible(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                yield entry


def _from_folders(folder: Path, names: list[str], source_uri: str) -> Iterator[Candidate]:
    splits = [name for name in names if name.lower() in SPLIT_NAMES]
    others = [name for name in names if name not in splits]
    if splits and others:
        raise SourceError(
            f"The data location {source_uri} mixes split folders ({', '.join(splits)}) with "
            f"class folders ({others[0]}); keep one kind at the top."
        )
    if not names:
        raise SourceError(
            f"The data location {source_uri} has no class folders; put the images of each class "
            "into a folder named after it."
        )
    if splits and "train" not in {SPLIT_NAMES[name.lower()] for name in splits}:
        raise SourceError(
            f"The data location {source_uri} has {', '.join(splits)} but no train folder; add it."
        )
    _require_filled_classes(folder, splits)
    return _label(folder)


def _require_filled_classes(folder: Path, splits: list[str]) -> None:
    tops = [folder / name for name in splits] or [folder]
    classes = [top / entry.name for top in tops for entry in _visible(top) if entry.is_dir()]
    empty = sorted(path for path in classes if next(walk(path), None) is None)
    if empty:
        named = ", ".join(path.relative_to(folder).as_posix() for path in empty[:5])
        more = f" and {len(empty) - 5} more" if len(empty) > 5 else ""
        what = "class folder is" if len(empty) == 1 else "class folders are"
        raise SourceError(f"The following {what} empty: {named}{more}; add images or delete it.")


def _label(folder: Path) -> Iterator[Candidate]:
    for relative in walk(folder):
        parts = relative.split("/")
        split = SPLIT_NAMES.get(parts[0].lower(), "") if len(parts) > 1 else ""
        inside = parts[1:] if split else parts
        # A file beside the class folders has no class; preparation reports it.
        yield Candidate(relative, inside[0] if len(inside) > 1 else "", split)


def _from_manifest(manifest: Path, source_uri: str) -> Iterator[Candidate]:
    prefix = source_uri.rstrip("/") + "/"
    seen = False
    # Bytes that are no UTF-8 stay visible in the name, which inspection then rejects.
    with manifest.open(encoding="utf-8", errors="surrogateescape") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                seen = True
                yield _manifest_line(line, prefix, f"Line {number} of {manifest.name}")
    if not seen:
        raise SourceError(f"The manifest {manifest.name} has no lines; add one for each image.")


def _manifest_line(line: str, prefix: str, place: str) -> Candidate:
    try:
        entry = json.loads(line)
        source = entry["source-ref"]
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f'{place} is not a JSON object with "source-ref".') from error
    if not isinstance(source, str) or not source.startswith(prefix):
        raise SourceError(
            f"{place} refers to {source}, which is not below {prefix}; move it there."
        )
    relative = source[len(prefix) :]
    strange = relative.startswith("/") or "\0" in relative
    if not relative or strange or ".." in PurePosixPath(relative).parts:
        raise SourceError(f"{place} refers to {source}, which names no file below {prefix}.")
    return Candidate(relative, _class_name(entry, place), "")


def _class_name(entry: dict[str, Any], place: str) -> str:
    """The class that Ground Truth's image classification writes into `<label>-metadata`."""
    found = [
        value["class-name"]
        for key, value in entry.items()
        if key.endswith("-metadata") and isinstance(value, dict) and "class-name" in value
    ]
    if len(found) != 1 or not isinstance(found[0], str) or not found[0]:
        raise SourceError(
            f'{place} needs exactly one "…-metadata" object with a "class-name"; it has '
            f"{len(found)}."
        )
    return str(found[0])
