"""A folder of photos copied to the bucket: only what is new or changed, never anything removed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from errors import BreedlineError

UPLOADERS = 8


@dataclass(frozen=True)
class SyncReport:
    """What a copy did."""

    uploaded: int
    unchanged: int

    def __str__(self) -> str:
        return f"{self.uploaded} files uploaded, {self.unchanged} unchanged"


def folder_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of the visible files below `folder`, as hex.

    Step caching compares S3 URIs, not contents: a URI that names this digest changes with the data.
    """
    whole = hashlib.sha256()
    for path in _visible_files(folder):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return whole.hexdigest()


def sync_folder(s3: Any, folder: Path, bucket: str, prefix: str) -> SyncReport:
    """Copy the files below `folder` to `s3://bucket/prefix/`; hidden files are left out.

    Unchanged means: same size and, where S3 gives the MD5 as the entity tag, same content. Files
    that are only in the bucket stay there. Raises BreedlineError when there is nothing to copy.
    """
    files = list(_visible_files(folder))
    if not files:
        raise BreedlineError(f"{folder} holds no files; name a folder that holds class folders.")
    if empty := _empty_folders(folder, files):
        raise BreedlineError(
            f"{', '.join(empty)} in {folder} hold{'s' if len(empty) == 1 else ''} no files, and S3 "
            "knows no empty folders: put images in, or remove the folder."
        )
    there = _listed(s3, bucket, f"{prefix}/")
    new = [path for path in files if not _is_there(path, there.get(_key(path, folder, prefix)))]
    with ThreadPoolExecutor(UPLOADERS) as pool:
        uploads = pool.map(
            lambda path: s3.upload_file(str(path), bucket, _key(path, folder, prefix)), new
        )
        list(uploads)  # raises what an upload raised
    return SyncReport(len(new), len(files) - len(new))


def _visible_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            yield path


def _empty_folders(folder: Path, files: list[Path]) -> list[str]:
    """Visible folders below `folder` that hold no visible file at any depth."""
    filled = {parent for path in files for parent in path.relative_to(folder).parents}
    below = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_dir())
    visible = (path for path in below if not any(part.startswith(".") for part in path.parts))
    return [path.as_posix() for path in visible if path not in filled]


def _key(path: Path, folder: Path, prefix: str) -> str:
    return f"{prefix}/{path.relative_to(folder).as_posix()}"


def _listed(s3: Any, bucket: str, prefix: str) -> dict[str, tuple[int, str]]:
    """Key -> (size in bytes, entity tag) of what lies under the prefix."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {
        item["Key"]: (item["Size"], item["ETag"].strip('"'))
        for page in pages
        for item in page.get("Contents", [])
    }


def _is_there(path: Path, listed: tuple[int, str] | None) -> bool:
    if listed is None or listed[0] != path.stat().st_size:
        return False
    is_md5 = "-" not in listed[1]  # a multipart upload's tag is not the MD5 of its content
    return not is_md5 or listed[1] == _md5(path)


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
