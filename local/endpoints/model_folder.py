"""A model's files, unpacked once and shared by every instance that runs them.

An instance gets hard links to read-only files, as it has read-only access to them on AWS. A copy
that no instance has used for an hour goes when another is made.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.endpoints.container import Container
from local.jobs.channels import link
from local.jobs.failure import client_error
from local.jobs.manifests import read_object, split_source
from local.jobs.program import check_requirements, unpack, unpack_submit_directory
from local.objects import Objects, StoredObject

UNUSED = 3600.0  # seconds


class ModelFolders:
    """The unpacked models under `folder`."""

    def __init__(self, objects: Objects, folder: Path) -> None:
        self._objects = objects
        self._folder = folder

    def lay(self, container: Container, target: Path) -> None:
        """Make `target` the container's /opt/ml/model. Raises JobFailure."""
        if not container.data:
            raise client_error(
                f"Model '{container.model}' has no ModelDataUrl: the embedded AWS pulls no images "
                "and needs the handlers in the model data (code/inference.py)."
            )
        files = self._files(container)
        submitted = container.environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
        code = [read_object(self._objects, submitted, "code package")] if _in_s3(submitted) else []
        shared = self._folder / _key([*files.values(), *code], list(files))
        with self._locked(shared):
            if not shared.is_dir():
                self._forget_unused()
                self._unpack(container, files, submitted if code else "", shared)
            os.utime(shared)
            _link_tree(shared, target)
        check_requirements(target / "code")

    def _files(self, container: Container) -> dict[str, StoredObject]:
        """The objects that make the model data: one archive, or a prefix's files by their place."""
        if not container.prefix:
            return {"": read_object(self._objects, container.data, "model data")}
        bucket, prefix = split_source(container.data)
        found = [o for o in self._objects.list(bucket, prefix) if not o.key.endswith("/")]
        if not found:
            raise client_error(f"There is no model data under {container.data}.")
        return {o.key.removeprefix(prefix).lstrip("/"): o for o in found}

    def _unpack(
        self, container: Container, files: dict[str, StoredObject], submitted: str, shared: Path
    ) -> None:
        part = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            for name, stored in files.items():
                _place(stored, name, part, container.data)
            if submitted:
                unpack_submit_directory(self._objects, submitted, part / "code")
            for path in part.rglob("*"):
                if path.is_file() and not path.is_symlink():
                    path.chmod(path.stat().st_mode & 0o555)
            part.chmod(0o755)
            part.replace(shared)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise

    def _forget_unused(self) -> None:
        for path in self._folder.iterdir():
            if path.is_dir() and path.stat().st_mtime < time.time() - UNUSED:
                shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def _locked(self, shared: Path) -> Iterator[None]:
        """One at a time, so that instances which start together unpack once."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _in_s3(uri: str) -> bool:
    return uri.startswith("s3://")


def _key(objects: list[StoredObject], names: list[str]) -> str:
    """What the unpacked copy is called: a digest of everything that is in it."""
    text = "\n".join([*(stored.path.name for stored in objects), *names])
    return hashlib.sha256(text.encode()).hexdigest()


def _place(stored: StoredObject, name: str, folder: Path, uri: str) -> None:
    if name == "":
        try:
            unpack(stored.path, folder)
        except (tarfile.TarError, EOFError, OSError) as error:
            raise client_error(f"The model data {uri} cannot be unpacked: {error}") from error
        return
    if ".." in name.split("/"):
        raise client_error(f"{stored.uri} would leave the model's folder: its key has '..'.")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    link(stored.path, folder / name)


def _link_tree(source: Path, target: Path) -> None:
    shutil.copytree(source, target, copy_function=_link, symlinks=True, dirs_exist_ok=True)


def _link(source: str, target: str) -> None:
    link(Path(source), Path(target))
