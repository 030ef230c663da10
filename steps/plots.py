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
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from PIL import Image, ImageOps
from scores import Bin, calibration_error

BARS = "#7ea6d8"
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
        {
            "text.parse_math": False,
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )
    return context


def confusion_matrix(matrix: np.ndarray, classes: Sequence[str], path: Path) -> None:
    """Counts coloured by their share of the true class, a row for each true class."""
    count = len(classes)
    names = [_short(name, 30) for name in classes]
    cell, font = _cell_and_font(count)
    margin = 0.9 + max(map(len, names)) * font * 0.0085  # inches, for the names
    side = count * cell
    with plain_text():
        figure = Figure(figsize=(side + margin + 1.1, side + margin + 0.3), layout="constrained")
        axes = figure.subplots()
        share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        # The square root brings out rare mistakes, which are what the reader looks for.
        drawn = axes.imshow(share, cmap="Blues", norm=PowerNorm(0.5, 0, 1))
        axes.set_xticks(range(count), names, rotation=90, fontsize=font)
        axes.set_yticks(range(count), names, fontsize=font)
        axes.set(xlabel="predicted class", ylabel="true class")
        accuracy = np.trace(matrix) / max(matrix.sum(), 1)
        figure.suptitle(f"Confusion: {matrix.sum():,} test images, accuracy {accuracy:.1%}")
        bar = figure.colorbar(drawn, ax=axes, fraction=0.03, pad=0.02, aspect=30)
        bar.set_label("share of the true class")
        if count <= NUMBERED_CLASSES:
            _number_cells(axes, matrix, share, font)
        figure.savefig(path, dpi=110)


def _cell_and_font(count: int) -> tuple[float, int]:
    """Inches of a cell and points of the names: both shrink so that hundreds stay readable."""
    if count <= 20:
        return max(0.45, 3.2 / count), 9
    return (0.3, 7) if count <= NUMBERED_CLASSES else (0.16, 6)


def reliability(bins: Sequence[Bin], path: Path) -> None:
    """Accuracy against confidence, and how many images have which confidence."""
    with plain_text():
        figure = Figure(figsize=(5.6, 6.4), layout="constrained")
        upper, lower = figure.subplots(2, height_ratios=(3, 1), sharex=True)
        middles = [(item.lower + item.upper) / 2 for item in bins]
        width = 0.9 * (bins[0].upper - bins[0].lower) if bins else 0.06
        upper.plot([0, 1], [0, 1], color="black", linewidth=1, linestyle=":", label="ideal")
        upper.bar(middles, [b.accuracy for b in bins], width, color=BARS, label="accuracy")
        for item, middle in zip(bins, middles, strict=True):
            upper.plot([middle, middle], [item.accuracy, item.confidence], color=WRONG, linewidth=2)
        upper.plot([], [], color=WRONG, linewidth=2, label="gap to the confidence")
        upper.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="accuracy")
        upper.set_title(f"Reliability: expected calibration error {calibration_error(bins):.3f}")
        upper.legend(loc="upper left", framealpha=0.9, edgecolor="none")
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
        figure = Figure(figsize=(columns * 2.1, rows * 2.5 + 0.4), layout="constrained")
        figure.suptitle(_sheet_title(len(mistakes), total))
        cells = list(figure.subplots(rows, columns, squeeze=False).flat)
        for cell in cells:
            cell.axis("off")
        for cell, mistake in zip(cells, mistakes, strict=False):
            # One square for all, so that the captions stand in line.
            square = ImageOps.pad(read(mistake.path), (300, 300), color="white")
            cell.imshow(np.asarray(square))
            _caption(cell, mistake)
        figure.savefig(path, dpi=110)


def _sheet_title(shown: int, total: int) -> str:
    if total == 0:
        return "No mistakes on the test split"
    return f"The worst {shown} of {total} mistakes: true class → predicted class"


def _caption(cell: Any, mistake: Mistake) -> None:
    # A title, because the layout reserves room for titles and for no other text.
    cell.set_title(
        f"{_short(mistake.label)} {mistake.truth:.0%}\n"
        f"→ {_short(mistake.predicted)} {mistake.confidence:.0%}",
        fontsize=8,
    )


def _short(name: str, length: int = 22) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


def _number_cells(axes: Any, matrix: np.ndarray, share: np.ndarray, font: int) -> None:
    for row, column in zip(*np.nonzero(matrix), strict=True):
        colour = "white" if share[row, column] > 0.3 else "black"
        text = str(matrix[row, column])
        axes.text(column, row, text, ha="center", va="center", fontsize=font, color=colour)
