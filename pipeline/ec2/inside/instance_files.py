"""Files between S3 and this machine."""

from __future__ import annotations

import contextlib
import shutil
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

AT_ONCE = 16  # transfers
EVERY = 5.0  # seconds between two looks at what is to be kept


class FilesError(Exception):
    """Files cannot be fetched or kept; one sentence."""


class Files:
    """S3 as an instance uses it."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def fetch_folder(self, uri: str, folder: Path) -> int:
        """Copy all objects below a prefix into `folder`; returns how many.

        Raises FilesError when they cannot be read.
        """
        bucket, prefix = _split(uri.rstrip("/") + "/")
        try:
            keys = list(self._keys(bucket, prefix))
            with ThreadPoolExecutor(AT_ONCE) as pool:
                copies = pool.map(lambda key: self._copy(bucket, key, prefix, folder), keys)
                list(copies)  # raises what a copy raised
        except (BotoCoreError, Boto3Error, ClientError) as error:
            raise FilesError(f"{uri} cannot be fetched: {error}") from error
        return len(keys)

    def fetch_code(self, uri: str, folder: Path) -> None:
        """Lay a code package into `folder`: a tarball, or a prefix. Raises FilesError."""
        folder.mkdir(parents=True, exist_ok=True)
        if not uri.endswith(".tar.gz"):
            if self.fetch_folder(uri, folder) == 0:
                raise FilesError(f"There is no code at {uri}; run upsert again.")
            return
        bucket, key = _split(uri)
        archive = folder.with_suffix(".tar.gz")
        try:
            self._s3.download_file(bucket, key, str(archive))
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
        except (BotoCoreError, Boto3Error, ClientError, tarfile.TarError) as error:
            raise FilesError(f"The code at {uri} cannot be fetched: {error}") from error

    def put_file(self, path: Path, uri: str) -> None:
        """Upload one file. Raises FilesError."""
        bucket, key = _split(uri)
        try:
            self._s3.upload_file(str(path), bucket, key)
        except (BotoCoreError, Boto3Error, ClientError) as error:
            raise FilesError(f"{uri} cannot be written: {error}") from error

    def put_folder(self, folder: Path, uri: str) -> None:
        """Upload all files below `folder`. Raises FilesError."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put_file(path, f"{uri}/{path.relative_to(folder).as_posix()}")

    def put_text(self, uri: str, text: str) -> None:
        """Write one object. Raises FilesError."""
        bucket, key = _split(uri)
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
        except (BotoCoreError, ClientError) as error:
            raise FilesError(f"{uri} cannot be written: {error}") from error

    @contextlib.contextmanager
    def keeping(self, folder: Path, uri: str) -> Iterator[None]:
        """Upload what changes in `folder` while the block runs, and once more at its end."""
        sent: dict[Path, tuple[int, int]] = {}
        over = threading.Event()

        def keep() -> None:
            while not over.wait(EVERY):
                with contextlib.suppress(FilesError, OSError):  # the last upload tells of it
                    self._put_changed(folder, uri, sent)

        thread = threading.Thread(target=keep, name="checkpoints", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self._put_changed(folder, uri, sent)

    def _put_changed(self, folder: Path, uri: str, sent: dict[Path, tuple[int, int]]) -> None:
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.name.startswith("."):
                continue
            state = (path.stat().st_size, path.stat().st_mtime_ns)
            if sent.get(path) != state:
                self.put_file(path, f"{uri}/{path.relative_to(folder).as_posix()}")
                sent[path] = state

    def _keys(self, bucket: str, prefix: str) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            yield from (str(item["Key"]) for item in page.get("Contents", []))

    def _copy(self, bucket: str, key: str, prefix: str, folder: Path) -> None:
        name = PurePosixPath(key.removeprefix(prefix))
        if key.endswith("/") or name.is_absolute() or ".." in name.parts:
            return  # a folder's marker, or a name that leads out of the folder
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._s3.download_file(bucket, key, str(path))


def pack(folder: Path, archive: Path) -> None:
    """A tar.gz of what is in `folder`."""
    part = archive.with_name(f"{archive.name}.part")
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(part, "w:gz") as tar:
        for entry in sorted(folder.iterdir()):
            tar.add(entry, arcname=entry.name)
    shutil.move(part, archive)


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
