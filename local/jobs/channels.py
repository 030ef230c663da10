"""Input data: which S3 objects a channel means, which of them a host gets, and their place there.

Where AWS leaves the details open, this is what happens here: ShardedByS3Key deals the objects out
in turn, in order of key, so that every host gets a part of every class folder; an augmented
manifest (on AWS for Pipe mode only) is laid down as a file of its own name beside the objects that
its `-ref` attributes name, those under their keys below the folder that they share.
"""

from __future__ import annotations

import gzip
import os
import posixpath
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.jobs.failure import download_failed
from local.jobs.manifests import augmented_lines, manifest_entries, read_object, split_source
from local.objects import Objects, StoredObject


@dataclass(frozen=True)
class Source:
    """One S3 data source of a channel or a processing input, in the API's own terms."""

    uri: str
    data_type: str = "S3Prefix"
    distribution: str = "FullyReplicated"
    gunzip: bool = False
    attributes: tuple[str, ...] = ()
    shuffle_seed: int | None = None


@dataclass(frozen=True)
class Item:
    """Objects that travel together, each with its path, and the manifest line that named them."""

    files: tuple[tuple[StoredObject, str], ...]
    line: str = ""

    @property
    def key(self) -> str:
        return self.files[0][0].key if self.files else ""


@dataclass(frozen=True)
class Content:
    """All that a source means: its items, and the name of its augmented manifest if it has one."""

    items: list[Item] = field(default_factory=list)
    manifest: str = ""

    def share(self, index: int, count: int, source: Source) -> Content:
        """The part of host `index` of `count`."""
        items = list(self.items)
        if source.shuffle_seed is not None:
            random.Random(source.shuffle_seed).shuffle(items)  # noqa: S311 - no secret
        if source.distribution == "ShardedByS3Key":
            items = items[index::count]
        return Content(items, self.manifest)


def source_from(data_source: dict[str, Any], gunzip: bool, seed: int | None = None) -> Source:
    """A Source from the API's S3DataSource."""
    return Source(
        uri=data_source["S3Uri"],
        data_type=data_source.get("S3DataType", "S3Prefix"),
        distribution=data_source.get("S3DataDistributionType", "FullyReplicated"),
        gunzip=gunzip,
        attributes=tuple(data_source.get("AttributeNames", ())),
        shuffle_seed=seed,
    )


def find_content(objects: Objects, source: Source) -> Content:
    """Resolve a source; raises JobFailure when it names nothing or its manifest is broken."""
    if source.data_type == "ManifestFile":
        return _manifest_content(objects, source)
    if source.data_type == "AugmentedManifestFile":
        return _augmented_content(objects, source)
    return _prefix_content(objects, source)


def _prefix_content(objects: Objects, source: Source) -> Content:
    bucket, prefix = split_source(source.uri)
    found = [o for o in objects.list(bucket, prefix) if not o.key.endswith("/")]
    if not found:
        raise download_failed(f"No objects at {source.uri}; upload the data or correct the S3Uri.")
    items = [Item(((stored, _path_below(prefix, stored.key)),)) for stored in found]
    return Content(items)


def _path_below(prefix: str, key: str) -> str:
    """A key's path in the channel: what follows the prefix when that names a folder, else what
    follows the prefix's last slash (`data/train.csv` itself is `train.csv`)."""
    folder = prefix if prefix.endswith("/") or not prefix else prefix + "/"
    if key.startswith(folder):
        return key[len(folder) :]
    return key[prefix.rfind("/") + 1 :]


def _manifest_content(objects: Objects, source: Source) -> Content:
    stored = read_object(objects, source.uri, "manifest")
    items = [
        Item(((_named_in(objects, stored, uri), path),)) for uri, path in manifest_entries(stored)
    ]
    if not items:
        raise download_failed(f"The manifest {source.uri} names no objects.")
    return Content(sorted(items, key=lambda item: item.key))


def _named_in(objects: Objects, manifest: StoredObject, uri: str) -> StoredObject:
    bucket, key = split_source(uri)
    found = objects.find(bucket, key)
    if found is None:
        raise download_failed(f"The manifest {manifest.uri} names {uri}, which does not exist.")
    return found


def _augmented_content(objects: Objects, source: Source) -> Content:
    stored = read_object(objects, source.uri, "augmented manifest")
    rows = [
        (line, [_named_in(objects, stored, uri) for uri in uris])
        for line, uris in augmented_lines(stored, source.attributes)
    ]
    if not rows:
        raise download_failed(f"The augmented manifest {source.uri} has no lines.")
    shared = _shared_folder([found.key for _, named in rows for found in named])
    items = [
        Item(tuple((found, found.key[len(shared) :]) for found in n), line) for line, n in rows
    ]
    return Content(items, posixpath.basename(stored.key))


def _shared_folder(keys: Sequence[str]) -> str:
    folders = {posixpath.dirname(key) for key in keys}
    shared = posixpath.commonpath(folders) if folders and "" not in folders else ""
    return f"{shared}/" if shared else ""


def place(content: Content, folder: Path, gunzip: bool) -> None:
    """Put the objects under `folder` as links to their stored bodies, and the manifest if any."""
    folder.mkdir(parents=True, exist_ok=True)
    for item in content.items:
        for stored, path in item.files:
            _place_file(stored, folder, path, gunzip)
    if content.manifest:
        lines = "".join(item.line + "\n" for item in content.items)
        (folder / content.manifest).write_text(lines, encoding="utf-8")


def _place_file(stored: StoredObject, folder: Path, path: str, gunzip: bool) -> None:
    if ".." in path.split("/"):
        raise download_failed(f"{stored.uri} would leave its channel's folder: its key has '..'.")
    target = folder / path.lstrip("/")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if gunzip:
            _unzip(stored, target.with_suffix("") if target.suffix == ".gz" else target)
        else:
            link(stored.path, target)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise download_failed(
            f"{stored.uri} cannot be stored as a file: another object needs a folder of that name."
        ) from error


def link(body: Path, target: Path) -> None:
    """A hard link to a read-only body, or a copy where links do not reach.

    The same file twice (a manifest may name an object twice) is placed once.
    """
    try:
        os.link(body, target)
    except FileExistsError:
        if target.is_dir():
            raise
    except OSError:
        shutil.copyfile(body, target)  # another device, or a file system without links


def _unzip(stored: StoredObject, target: Path) -> None:
    try:
        with gzip.open(stored.path) as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain)
    except (gzip.BadGzipFile, EOFError) as error:
        raise download_failed(
            f"{stored.uri} is not gzip data, but CompressionType is Gzip."
        ) from error
