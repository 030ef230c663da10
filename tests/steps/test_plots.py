"""plots.py draws every size of evaluation without a warning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import plots
import pytest
import scores
from PIL import Image

pytestmark = pytest.mark.filterwarnings("error")


def drawn(path: Path) -> Image.Image:
    with Image.open(path) as image:
        grey: Image.Image = image.convert("L")
        return grey


def ink(image: Image.Image) -> float:
    """The share of pixels that are not white."""
    return 1 - image.histogram()[255] / (image.width * image.height)


@pytest.mark.parametrize("count", [2, 3, 21, 133])
def test_a_confusion_matrix_grows_so_that_names_stay_apart(tmp_path: Path, count: int) -> None:
    names = [f"breed number {index}" for index in range(count)]
    plots.confusion_matrix(np.eye(count, dtype=int) * 5, names, tmp_path / "a.png")
    image = drawn(tmp_path / "a.png")
    # At 110 dots per inch a 6-point name is about 9 pixels high.
    assert min(image.size) >= max(300, count * 12)
    assert ink(image) > 0.02


def test_class_names_are_text_and_not_formulas(tmp_path: Path) -> None:
    plots.confusion_matrix(np.eye(2, dtype=int), ["$\\frac{", "_x^"], tmp_path / "a.png")
    mistake = plots.Mistake(tmp_path / "x.png", "$\\frac{", "$", 0.9, 0.0)
    Image.new("RGB", (20, 40), "red").save(tmp_path / "x.png")
    plots.worst_mistakes([mistake], 1, tmp_path / "b.png", lambda path: Image.open(path))
    assert ink(drawn(tmp_path / "b.png")) > 0.02


def test_a_reliability_diagram_shows_one_bin_or_fifteen(tmp_path: Path) -> None:
    for confidences in ([0.9], np.linspace(0.51, 1, 60)):
        rows = np.stack([confidences, 1 - np.asarray(confidences)], axis=1)
        bins = scores.calibration_bins(np.zeros(len(rows), dtype=int), rows)
        plots.reliability(bins, tmp_path / "a.png")
        assert ink(drawn(tmp_path / "a.png")) > 0.02


@pytest.mark.parametrize("count", [0, 1, 7, 24])
def test_the_contact_sheet_shows_every_given_mistake(tmp_path: Path, count: int) -> None:
    shown = []

    def read(path: Path) -> Image.Image:
        shown.append(path.name)
        return Image.new("RGB", (30, 20), "blue")

    mistakes = [
        plots.Mistake(Path(f"{n}.jpg"), "a" * 60, "b" * 60, 0.9, 0.05) for n in range(count)
    ]
    plots.worst_mistakes(mistakes, count, tmp_path / "a.png", read)
    assert shown == [f"{n}.jpg" for n in range(count)]
    blue = drawn(tmp_path / "a.png").histogram()[29]  # pure blue as grey
    assert (blue > 1000) == (count > 0)
