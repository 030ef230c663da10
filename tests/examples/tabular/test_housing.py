"""The table of houses is the same each time, and no other file is overwritten for it."""

import csv

import pytest

from errors import BreedlineError
from examples.tabular.housing import COLUMNS, FILE, TARGET, draw


def test_equal_seeds_give_equal_bytes_and_others_do_not(tmp_path):
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    assert draw(one, 50) == one
    draw(two, 50)
    draw(other, 50, seed=8)
    assert (one / FILE).read_bytes() == (two / FILE).read_bytes() != (other / FILE).read_bytes()


def test_each_row_has_a_number_for_each_column(tmp_path):
    with (draw(tmp_path / "data", 200) / FILE).open(newline="") as stream:
        header, *rows = csv.reader(stream)
    assert header == [*COLUMNS, TARGET]
    assert len(rows) == 200
    assert all(float(cell) is not None for row in rows for cell in row)
    assert all(len(row) == len(header) for row in rows)


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "mine.csv").write_text("a,b\n")
    with pytest.raises(BreedlineError, match="holds other files"):
        draw(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]
