"""Keep features on disk, found again by the content of their image.

Boundary: digests and rows in, rows out. The folder of a view is named by everything that decides
a feature's value: weights, preprocessing, arithmetic, view. In it lie packs of many rows, each
written whole under a name of its own, so that any number of processes may add to it.
Run the tests: `pytest tests/steps/test_features.py`.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

PACK_ROWS = 2048
"""So many rows are worth a pack: fewer make many files, more are lost with an interrupted job."""


class FeatureCache:
    """The rows of one view below `folder`, None for a cache that keeps nothing.

    Damaged packs are reported and ignored.
    """

    def __init__(self, folder: Path | None, view: str) -> None:
        self.folder = folder / view if folder else None

    def load(self, digests: Iterable[str]) -> dict[str, Any]:
        """The rows (each [F]) of those `digests` that the cache holds."""
        wanted = set(digests)
        found: dict[str, Any] = {}
        for path in sorted(self.folder.glob("*.pt")) if self.folder else ():
            if len(found) == len(wanted):
                break
            names, rows = _read_pack(path)
            pairs = zip(names, rows, strict=True)
            found.update((name, row) for name, row in pairs if name in wanted)
        return found

    def save(self, rows: Mapping[str, Any]) -> None:
        """Add the rows ([F] each, by image digest) as one pack. A full disk is only reported."""
        if self.folder is None or not rows:
            return
        digests = sorted(rows)
        name = hashlib.sha256("".join(digests).encode()).hexdigest()[:32]
        path = self.folder / f"{name}.pt"
        pack = {"digests": digests, "rows": torch.stack([rows[key] for key in digests])}
        try:
            write_atomically(path, pack)
        except (OSError, RuntimeError) as error:  # torch.save says RuntimeError for a full disk
            print(f"WARNING {path}: the features are not kept: {error}.", file=sys.stderr)


def cache_key(parts: Sequence[str]) -> str:
    """A folder name for everything that decides the value of a feature."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def write_atomically(path: Path, content: Any) -> None:
    """torch.save `content` so that `path` is either the old file or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Hidden and told apart by host and process, for folders that several share.
    temporary = path.parent / f".{path.name}.{platform.node()}.{os.getpid()}"
    try:
        with temporary.open("wb") as stream:
            torch.save(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    if os.name == "nt":  # folders cannot be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read_pack(path: Path) -> tuple[list[str], Any]:
    try:
        pack = torch.load(path, map_location="cpu", weights_only=True)
        digests, rows = pack["digests"], pack["rows"]
        if len(digests) != len(rows):
            raise ValueError("digests and rows differ in number")
        return list(digests), rows
    except Exception as error:  # noqa: BLE001  # a damaged file raises nearly anything
        reason = type(error).__name__
        print(f"WARNING {path} is damaged ({reason}) and ignored.", file=sys.stderr)
        return [], ()
