"""Draw an evaluation: confusion matrix, reliability diagram, the worst mistakes.

Boundary: numbers and images in, PNG files out. matplotlib is used without pyplot, so nothing
global changes and no display is needed.
Run the tests: `pytest tests/steps/test_plots.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from scores import Bin, calibration_error

ACCENT = "#2f6db5"
MUTED = "#b9c4d0"
WRONG = "#b3392f"
NUMBERED_CLASSES = 40
"""Up to so many classes the cells carry their counts."""


@dataclass(frozen=True)
class Mistake:
    """A wrongly classified image: `confidence` is the wrong class's, `truth` the true one's."""

    path: Path
    label: str
    predicted: str
    confidence: float
    truth: float


def plain_text() -> AbstractContextManager[Any]:
    """Class names are names, not formulas, even with a dollar sign in them."""
    context: AbstractContextManager[Any] = matplotlib.rc_context(
        {"text.parse_math": False, "font.size": 9, "axes.spines.top": False}
    )
    return context


def confusion_matrix(matrix: np.ndarray, classes: Sequence[str], path: Path) -> None:
    """Counts coloured by their share of the true class, a row for each true class."""
    count = len(classes)
    # A fixed size for each cell keeps the names readable from 2 classes to some hundreds.
    cell = 0.5 if count <= 20 else 0.3 if count <= NUMBERED_CLASSES else 0.16
    side = count * cell + 2.4
    font = 9 if count <= 20 else 7 if count <= NUMBERED_CLASSES else 6
    with plain_text():
        figure = Figure(figsize=(side + 0.6, side), layout="constrained")
        axes = figure.subplots()
        share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        drawn = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks(range(count), classes, rotation=90, fontsize=font)
        axes.set_yticks(range(count), classes, fontsize=font)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        accuracy = np.trace(matrix) / max(matrix.sum(), 1)
        axes.set_title(f"Confusion on {matrix.sum():,} test images, accuracy {accuracy:.1%}")
        figure.colorbar(drawn, ax=axes, fraction=0.04, pad=0.02, label="share of the true class")
        if count <= NUMBERED_CLASSES:
            _number_cells(axes, matrix, share, font)
        figure.savefig(path, dpi=110)


def reliability(bins: Sequence[Bin], path: Path) -> None:
    """Accuracy against confidence, and how many images have which confidence."""
    with plain_text():
        figure = Figure(figsize=(5.6, 6.4), layout="constrained")
        upper, lower = figure.subplots(2, height_ratios=(3, 1), sharex=True)
        middles = [(item.lower + item.upper) / 2 for item in bins]
        width = 0.9 * (bins[0].upper - bins[0].lower) if bins else 0.06
        upper.plot([0, 1], [0, 1], color="black", linewidth=1, linestyle=":", label="ideal")
        upper.bar(middles, [b.accuracy for b in bins], width, color=ACCENT, label="accuracy")
        for item, middle in zip(bins, middles, strict=True):
            upper.plot([middle, middle], [item.accuracy, item.confidence], color=WRONG, linewidth=2)
        upper.plot([], [], color=WRONG, linewidth=2, label="gap to the confidence")
        upper.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="accuracy")
        upper.set_title(f"Reliability: expected calibration error {calibration_error(bins):.3f}")
        upper.legend(loc="upper left", frameon=False)
        lower.bar(middles, [item.count for item in bins], width, color=MUTED)
        lower.set(xlabel="confidence of the predicted class", ylabel="images")
        figure.savefig(path, dpi=110)


def worst_mistakes(
    mistakes: Sequence[Mistake], total: int, path: Path, read: Callable[[Path], Image.Image]
) -> None:
    """A contact sheet of `mistakes`, in their order, of `total` mistakes in all."""
    columns = min(6, max(3, len(mistakes)))
    rows = max(1, -(-len(mistakes) // columns))
    with plain_text():
        figure = Figure(figsize=(columns * 2.1, rows * 2.6 + 0.5), layout="constrained")
        figure.suptitle(_sheet_title(len(mistakes), total))
        cells = figure.subplots(rows, columns, squeeze=False).flat
        for cell in cells:
            cell.axis("off")
        for cell, mistake in zip(cells, mistakes, strict=False):
            image = read(mistake.path)
            image.thumbnail((300, 300))
            cell.imshow(np.asarray(image))
            _caption(cell, mistake)
        figure.savefig(path, dpi=110)


def _sheet_title(shown: int, total: int) -> str:
    if total == 0:
        return "No mistakes on the test split"
    return f"The worst {shown} of {total} mistakes: most probability lost on the true class"


def _caption(cell: Any, mistake: Mistake) -> None:
    below: dict[str, Any] = {"transform": cell.transAxes, "ha": "center", "va": "top"}
    wrong = f"→ {_short(mistake.predicted)} {mistake.confidence:.0%}"
    cell.text(0.5, -0.02, f"{_short(mistake.label)} {mistake.truth:.0%}", fontsize=8, **below)
    cell.text(0.5, -0.13, wrong, fontsize=8, color=WRONG, **below)


def _short(name: str, length: int = 22) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


def _number_cells(axes: Any, matrix: np.ndarray, share: np.ndarray, font: int) -> None:
    for row, column in zip(*np.nonzero(matrix), strict=True):
        colour = "white" if share[row, column] > 0.5 else "black"
        text = str(matrix[row, column])
        axes.text(column, row, text, ha="center", va="center", fontsize=font, color=colour)
