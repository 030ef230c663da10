"""Manifests: the JSON list of a ManifestFile, the JSON Lines of an AugmentedManifestFile."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from local.jobs.failure import JobFailure, download_failed
from local.objects import Objects, StoredObject, split_uri


def read_object(objects: Objects, uri: str, what: str) -> StoredObject:
    """The object at `uri`; raises JobFailure when the URI is none or nothing is there."""
    bucket, key = split_source(uri)
    stored = objects.find(bucket, key)
    if stored is None:
        raise download_failed(f"There is no {what} at {uri}; upload it or correct the S3Uri.")
    return stored


def split_source(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI; raises JobFailure for anything else."""
    try:
        return split_uri(uri)
    except ValueError as error:
        raise download_failed(str(error)) from error


def manifest_entries(stored: StoredObject) -> Iterator[tuple[str, str]]:
    """(URI, path below the prefix) of each entry; a further prefix replaces the one before."""
    prefix = ""
    for position, entry in enumerate(_read_list(stored)):
        if isinstance(entry, dict) and isinstance(entry.get("prefix"), str):
            prefix = entry["prefix"]
        elif isinstance(entry, str) and prefix:
            yield prefix + entry, entry
        else:
            raise _entry_fault(stored, position, prefix, entry)


def _read_list(stored: StoredObject) -> list[Any]:
    try:
        content = json.loads(stored.path.read_bytes())
    except UnicodeDecodeError as error:
        raise download_failed(f"The manifest {stored.uri} is not UTF-8 text.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise download_failed(
            f"The manifest {stored.uri} is not JSON: {error.msg} at {where}."
        ) from error
    if not isinstance(content, list):
        raise download_failed(
            f'The manifest {stored.uri} must be a JSON list that begins with {{"prefix": …}}.'
        )
    return content


def _entry_fault(stored: StoredObject, position: int, prefix: str, entry: Any) -> JobFailure:
    shown = json.dumps(entry)[:80]
    wanted = (
        "a relative key or another prefix"
        if prefix
        else '{"prefix": "s3://bucket/…"} to begin with'
    )
    return download_failed(
        f"Entry {position + 1} of the manifest {stored.uri} is {shown}; it must be {wanted}."
    )


def augmented_lines(
    stored: StoredObject, attributes: Sequence[str]
) -> Iterator[tuple[str, list[str]]]:
    """(line, URIs of its `-ref` attributes) of each line; blank lines are left out.

    Raises JobFailure naming the line when one is no JSON object or lacks one of `attributes`.
    """
    with stored.path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                row = _read_row(stored, number, line)
                yield line.strip(), _references(stored, number, row, attributes)


def _read_row(stored: StoredObject, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise download_failed(
            f"Line {number} of the augmented manifest {stored.uri} is not JSON: {error.msg}."
        ) from error
    if not isinstance(row, dict):
        raise download_failed(
            f"Line {number} of the augmented manifest {stored.uri} must be a JSON object."
        )
    return row


def _references(
    stored: StoredObject, number: int, row: dict[str, Any], attributes: Sequence[str]
) -> list[str]:
    missing = [name for name in attributes if name not in row]
    if missing:
        raise download_failed(
            f"Line {number} of the augmented manifest {stored.uri} has no attribute "
            f"'{missing[0]}'; correct the line or AttributeNames."
        )
    return [str(row[name]) for name in attributes if name.endswith("-ref")]
