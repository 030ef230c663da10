"""What a job leaves in S3: archives of folders, folders as they are, and their synchronisation."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from local.objects import Objects, split_uri

FAST = 1  # gzip level: weights hardly compress, and the laptop waits


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """(relative path, file) of each file under `folder`, by path; broken links are left out."""
    for base, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(base) / name
            if path.is_file():
                yield path.relative_to(folder).as_posix(), path


def merged(folders: Sequence[Path]) -> dict[str, Path]:
    """The files of several hosts' folders as one tree; the first host's version of a file wins."""
    tree: dict[str, Path] = {}
    for folder in reversed(folders):
        tree.update(files_below(folder))
    return dict(sorted(tree.items()))


def upload_archive(objects: Objects, uri: str, folders: Sequence[Path]) -> bool:
    """Put the merged folders at `uri` as a .tar.gz; False, and no object, when they are empty."""
    tree = merged(folders)
    if not tree:
        return False
    with tempfile.NamedTemporaryFile(suffix=".tar.gz") as part:
        with tarfile.open(fileobj=part, mode="w:gz", compresslevel=FAST) as tar:
            for name, path in tree.items():
                tar.add(path.resolve(), name)
        part.flush()
        bucket, key = split_uri(uri)
        objects.write(bucket, key, Path(part.name))
    return True


def upload_tree(objects: Objects, uri: str, tree: dict[str, Path]) -> None:
    """Put files under the prefix `uri`, each at its relative path."""
    bucket, prefix = split_uri(uri.rstrip("/") + "/")
    for name, path in tree.items():
        objects.write(bucket, prefix + name, path)


class FolderSync:
    """Keeps an S3 prefix up to date with hosts' folders: files that are new or have changed."""

    def __init__(self, objects: Objects, uri: str, folders: Sequence[Path]) -> None:
        self._objects = objects
        self._bucket, self._prefix = split_uri(uri.rstrip("/") + "/")
        self._folders = folders
        self._begun = time.time_ns()
        self._seen: dict[str, tuple[int, int]] = {}

    def download(self) -> None:
        """Copy what is under the prefix into every folder."""
        for folder in self._folders:
            folder.mkdir(parents=True, exist_ok=True)
            for stored in self._objects.list(self._bucket, self._prefix):
                name = stored.key[len(self._prefix) :]
                if name and not name.endswith("/") and ".." not in name.split("/"):
                    self._copy(stored.path, name, folder / name)

    def _copy(self, body: Path, name: str, target: Path) -> None:
        # A copy, not a link: scripts write their checkpoints over the old ones.
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(body, target)
        os.utime(target, ns=(self._begun, self._begun))  # the same for every host's copy
        self._seen[name] = _stamp(target)

    def upload(self) -> None:
        """Put every file that changed since it was last seen; of several hosts' the newest."""
        newest: dict[str, Path] = {}
        for folder in self._folders:
            for name, path in files_below(folder):
                if name not in newest or _stamp(path) > _stamp(newest[name]):
                    newest[name] = path
        for name, path in newest.items():
            self._put(name, path)

    def _put(self, name: str, path: Path) -> None:
        try:
            stamp = _stamp(path)
            if self._seen.get(name) != stamp:
                self._objects.write(self._bucket, self._prefix + name, path)
                self._seen[name] = stamp
        except FileNotFoundError:
            return  # replaced or removed by the script while it was being read


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
