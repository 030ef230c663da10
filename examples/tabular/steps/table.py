"""Tables of numbers as the steps hand them on: a CSV file for each split, and what describes them.

Boundary: files in, arrays out. The columns stand in one order everywhere, that of dataset.json.
Run the tests: `pytest tests/examples/tabular/test_table.py`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

DESCRIPTION = "dataset.json"
ROWS = "rows.csv"


class TableError(Exception):
    """The data cannot be used; the message is one sentence."""


@dataclass(frozen=True)
class Dataset:
    """What all splits have in common: the columns that a model sees, and the one it foretells."""

    columns: tuple[str, ...]
    target: str
    digest: str


@dataclass(frozen=True)
class Table:
    """One split: `features` of shape (N, C), `values` of shape (N,) is the target's column."""

    features: np.ndarray
    values: np.ndarray


def read_dataset(folder: Path) -> Dataset:
    """The description in the dataset channel. Raises TableError."""
    path = folder / DESCRIPTION
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Dataset(tuple(found["columns"]), found["target"], found["digest"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TableError(f"{path} is not what Prepare writes ({error!r}).") from error


def read_table(folder: Path, dataset: Dataset) -> Table:
    """The split in `folder`. Raises TableError."""
    path = folder / ROWS
    wanted = [*dataset.columns, dataset.target]
    try:
        first, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
        header = next(csv.reader([first]), [])
        rows = np.loadtxt(lines, delimiter=",", ndmin=2) if lines else np.empty((0, 0))
    except (OSError, ValueError) as error:
        raise TableError(f"{path} cannot be read: {error}.") from error
    if header != wanted or rows.shape[1] != len(wanted):
        raise TableError(f"{path} does not hold rows of {', '.join(wanted)}; run Prepare again.")
    return Table(rows[:, :-1], rows[:, -1])


def write_rows(folder: Path, names: Sequence[str], rows: Iterable[Sequence[float]]) -> None:
    """`rows` below a header; a float is written so that it is read back to the last bit."""
    folder.mkdir(parents=True)
    with (folder / ROWS).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([repr(value) for value in row] for row in rows)
