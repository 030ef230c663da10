"""Write a step's output aside and move it into place only when it is complete.

Boundary: local folders. Used by the processing steps, whose outputs SageMaker uploads as found.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Yield an empty folder whose entries replace those of `target` when the block succeeds.

    When it raises, `target` keeps what it had. The folder lies hidden inside `target`, because
    SageMaker mounts `target` itself: only what is in it can be moved, and only within it.
    """
    folder = target / ".staging"
    shutil.rmtree(folder, ignore_errors=True)  # left by a killed run
    folder.mkdir(parents=True)
    try:
        yield folder
        for entry in sorted(folder.iterdir()):
            _replace(entry, target / entry.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace(entry: Path, place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    entry.replace(place)
