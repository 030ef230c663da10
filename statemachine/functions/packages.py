"""Which files the zip of each Lambda function holds; they lie flat in it, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
STEPS = HERE.parents[1] / "steps"


def _own(function: str) -> tuple[Path, ...]:
    return tuple(sorted((HERE / function).glob("*.py")))


SOURCES: Mapping[str, tuple[Path, ...]] = {
    # The container fetches with the same code, so that both refuse the same addresses.
    "predict": (*_own("predict"), STEPS / "remote_images.py"),
    "smoke_test": _own("smoke_test"),
}
