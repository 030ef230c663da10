"""Open a model.tar.gz and use it through the code inside it, as an endpoint would.

Boundary: a model artifact in, its own inference module and model out. Two artifacts may hold
modules of the same names; each is seen only inside its own `opened` block.
Run the tests: `pytest tests/steps/test_artifact.py`.
"""

from __future__ import annotations

import importlib
import json
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any


class ArtifactError(Exception):
    """The artifact cannot be used; the message is one sentence."""


@dataclass(frozen=True)
class Artifact:
    """An opened artifact: the module `code/inference.py` and what its `model_fn` returned.

    `rules` is what watched its training (rules.json), None in an artifact that does not say.
    """

    inference: Any
    model: Any
    size: int
    rules: dict[str, Any] | None = None


@contextmanager
def opened(archive: Path) -> Iterator[Artifact]:
    """Extract `archive`, import its code, load its model; `size` is the archive's bytes.

    Raises ArtifactError when the archive is missing, damaged, unsafe or holds no inference code.
    """
    with tempfile.TemporaryDirectory(prefix="model-") as scratch:
        folder = Path(scratch)
        extract(archive, folder)
        if not (folder / "code" / "inference.py").is_file():
            raise ArtifactError(f"{archive} has no code/inference.py; train the model again.")
        with _only_modules_of(folder / "code"):
            inference = importlib.import_module("inference")
            model = inference.model_fn(str(folder))
            yield Artifact(inference, model, archive.stat().st_size, _read_rules(folder))


def _read_rules(folder: Path) -> dict[str, Any] | None:
    path = folder / "rules.json"
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(document["rules"], dict):
            return dict(document)
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError("The artifact's rules.json is damaged; train again.") from error
    raise ArtifactError("The artifact's rules.json names no rules; train the model again.")


def extract(archive: Path, folder: Path) -> None:
    """Unpack a tar file so that nothing can be written outside `folder`."""
    try:
        with tarfile.open(archive) as tar:
            if hasattr(tarfile, "data_filter"):
                tar.extractall(folder, filter="data")
            else:  # Python before 3.10.12 and 3.11.4
                tar.extractall(folder, members=_harmless(tar))  # noqa: S202
    except FileNotFoundError as error:
        raise ArtifactError(f"There is no {archive}; the training step writes it.") from error
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise ArtifactError(f"{archive} cannot be unpacked: {error}.") from error


def _harmless(tar: tarfile.TarFile) -> list[tarfile.TarInfo]:
    """The members, when all are files and folders below the top; ValueError otherwise."""
    members = tar.getmembers()
    for member in members:
        path = PurePosixPath(member.name)
        outside = path.is_absolute() or ".." in path.parts
        if outside or not (member.isfile() or member.isdir()):
            raise ValueError(f"the member {member.name!r} is not a plain file below the top")
    return members


@contextmanager
def _only_modules_of(code: Path) -> Iterator[None]:
    """Let imports find the modules in `code` first, and forget them afterwards."""
    names = {entry.stem for entry in code.iterdir()}
    hidden = _take_modules(names)
    sys.path.insert(0, str(code))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(code))
        _take_modules(names)
        sys.modules.update(hidden)


def _take_modules(names: set[str]) -> dict[str, Any]:
    """Remove the modules (and their submodules) with these names from the loaded ones."""
    found = [name for name in sys.modules if name.partition(".")[0] in names]
    return {name: sys.modules.pop(name) for name in found}
