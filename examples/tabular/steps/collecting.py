"""Read the raw CSV files of a data set: every row is checked, and left out with its reason.

Boundary: files in, rows out; which rows go where is prepare.py's work.
Run the tests: `pytest tests/examples/tabular/test_prepare.py`.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from table import TableError

SHOWN = 50
"""Left out rows that the report names one by one."""

LARGEST = 3.0e38  # a forest compares single precision, which ends here

Row = tuple[float, ...]


@dataclass
class Collection:
    """The sound rows, each once, the target last; and what was left out for which reason."""

    columns: tuple[str, ...]
    target: str
    rows: dict[Row, None] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    @property
    def rejected_fraction(self) -> float:
        left_out = self.reasons.total()
        return left_out / max(1, left_out + len(self.rows))

    def leave_out(self, place: str, reason: str) -> None:
        self.reasons[reason] += 1
        if len(self.examples) < SHOWN:
            self.examples.append(f"{place}: {reason}")


def collect(folder: Path, target: str) -> Collection:
    """All rows of the .csv files below `folder`, in the order of their names.

    Raises TableError: there is none, or one has no header with the columns of the others.
    """
    files = sorted(path for path in folder.rglob("*.csv") if path.is_file())
    if not files:
        raise TableError(f"{folder} holds no .csv file; give a folder with at least one.")
    collection: Collection | None = None
    for path in files:
        name = path.relative_to(folder).as_posix()
        lines = _lines(path, name)
        header = [cell.strip() for cell in next(lines, [])]
        _check_header(header, name, target)
        if collection is None:
            collection = Collection(tuple(c for c in header if c != target), target)
        _add(collection, header, lines, name)
    assert collection is not None  # noqa: S101 - there is at least one file
    return collection


def _lines(path: Path, name: str) -> Iterator[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield from csv.reader(stream)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{name} cannot be read as CSV in UTF-8: {error}.") from error


def _check_header(header: Sequence[str], name: str, target: str) -> None:
    if target not in header:
        there = ", ".join(header) or "nothing"
        raise TableError(f"{name} has no column '{target}' in its first line, which holds {there}.")
    if len(set(header)) < len(header) or "" in header or len(header) < 2:
        raise TableError(f"{name} needs two columns or more in its first line, each named once.")


def _add(
    collection: Collection, header: Sequence[str], lines: Iterator[list[str]], name: str
) -> None:
    wanted = [*collection.columns, collection.target]
    if set(header) != set(wanted):
        raise TableError(f"{name} has other columns than the files before: {', '.join(header)}.")
    places = [header.index(column) for column in wanted]
    for number, cells in enumerate(lines, start=2):
        if not cells:
            continue  # an empty line says nothing
        row = _row(cells, places)
        reason = row if isinstance(row, str) else "a duplicate" if row in collection.rows else ""
        if reason or isinstance(row, str):
            collection.leave_out(f"{name}, row {number}", reason)
        else:
            collection.rows[row] = None


def _row(cells: Sequence[str], places: Sequence[int]) -> Row | str:
    """The numbers in the order of `places`, or why there are none."""
    if len(cells) != len(places):
        return "not as many cells as columns"
    try:
        row = tuple(float(cells[place]) for place in places)
    except ValueError:
        return "a cell that is no number"
    if not all(math.isfinite(value) and abs(value) < LARGEST for value in row):
        return "a cell that is no finite number"
    return row
