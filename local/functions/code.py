"""A function's code on disk: each archive unpacked once, in a folder named by its SHA-256."""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
import zipfile
from pathlib import Path

from local.errors import ApiError

LARGEST = 262_144_000  # bytes unpacked, code and layers each; AWS's own limit


class Code:
    """Unpacked archives under one folder; unchanged code is unpacked once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def unpack(self, archive: bytes) -> Path:
        """The folder with the archive's content; raises ApiError when it is not a zip archive."""
        place = self._folder / hashlib.sha256(archive).hexdigest()
        if not place.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            part = Path(tempfile.mkdtemp(dir=self._folder, prefix="part-"))
            try:
                _extract(archive, part)
                _settle(part, place)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        return place


def _extract(archive: bytes, folder: Path) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            if sum(item.file_size for item in opened.infolist()) > LARGEST:
                raise _refused(f"Unzipped size must be smaller than {LARGEST} bytes")
            opened.extractall(folder)  # noqa: S202 - zipfile keeps every name below the folder
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise _refused(
            "Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from error


def _settle(part: Path, place: Path) -> None:
    try:
        part.rename(place)
    except OSError:
        if not place.exists():  # unpacked by another invocation meanwhile is fine
            raise


def _refused(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message)
