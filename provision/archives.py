"""The zip of a Lambda function: equal sources make equal bytes, on every machine.

Lambda tells of a function's code nothing but the SHA-256 of its zip: that must not change with the
time, the order of the files or the version of a compressor. So nothing in it is compressed.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from errors import BreedlineError

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can tell
UNIX = 3  # as whose files they are described, also where Python runs on Windows


@dataclass(frozen=True)
class Archive:
    """The code of one function: `files` by name, flat."""

    files: Mapping[str, bytes]

    @cached_property
    def body(self) -> bytes:
        """The zip."""
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted(self.files):
                member = zipfile.ZipInfo(name, EPOCH)
                member.create_system, member.external_attr = UNIX, 0o100644 << 16
                archive.writestr(member, self.files[name])
        return written.getvalue()

    @cached_property
    def code_sha256(self) -> str:
        """The digest in Lambda's form."""
        return base64.b64encode(hashlib.sha256(self.body).digest()).decode()

    @property
    def version(self) -> str:
        """The short digest that the tag `version` carries."""
        return hashlib.sha256(self.body).hexdigest()[:12]


def read_archives(sources: Mapping[str, Iterable[Path]]) -> dict[str, Archive]:
    """The archive of each function, from the files that go into it.

    Raises:
        BreedlineError: a file is missing.
    """
    return {
        function: Archive({path.name: _read(path) for path in paths})
        for function, paths in sources.items()
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BreedlineError(
            f"{path} cannot be packaged ({error.strerror}): a Lambda function needs it."
        ) from error
