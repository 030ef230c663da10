"""Which files the zip of each Lambda function holds; they lie flat in it, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
STEPS = HERE.parents[1] / "steps"


# What every kind of model shares; the other files of a folder are those of the image classifier.
SHARED: Mapping[str, tuple[str, ...]] = {
    "predict": ("clients", "endpoint", "envelope", "handler", "limits", "log", "refusals"),
    "smoke_test": ("bucket", "caller", "checks", "handler"),
}


def sources_of(folder: Path) -> Mapping[str, tuple[Path, ...]]:
    """The files of another kind of model: the shared ones, and its own in `folder`/<function>."""
    return {
        function: (
            *(HERE / function / f"{name}.py" for name in names),
            *_files(folder / function),
        )
        for function, names in SHARED.items()
    }


def _files(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob("*.py")))


SOURCES: Mapping[str, tuple[Path, ...]] = {
    # The container fetches with the same code, so that both refuse the same addresses.
    "predict": (*_files(HERE / "predict"), STEPS / "remote_images.py"),
    "smoke_test": _files(HERE / "smoke_test"),
}
