"""The Prepare step: check a table, leave out what is unsound, and split it.

Role: a SageMaker processing job's script. Boundary: .csv files in; a CSV file for each split,
dataset.json and a report out. A row's side is drawn from its own numbers: equal houses never stand
on two sides, and a row stays where it was when others are added.

    python3 prepare.py --input data --output splits --statistics statistics --target price
"""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arguments import fraction, share
from collecting import Collection, Row, collect
from staging import staged
from table import DESCRIPTION, TableError, write_rows

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    input: Path
    output: Path
    statistics: Path
    target: str
    validation_fraction: float
    test_fraction: float
    max_rejected_fraction: float
    seed: int


def prepare(options: Options) -> str:
    """Run the whole step; returns a line for the log. Nothing is written when it fails."""
    collection = collect(options.input, options.target)
    if collection.rejected_fraction > options.max_rejected_fraction:
        raise TableError(
            f"{collection.rejected_fraction:.1%} of the rows are unsound, more than the "
            f"{options.max_rejected_fraction:.1%} that are allowed; the first: "
            f"{'; '.join(collection.examples[:3])}."
        )
    sides = split(collection, options)
    if empty := [name for name, rows in sides.items() if not rows]:
        raise TableError(
            f"{len(collection.rows)} rows leave none for {', '.join(empty)}; give more of them."
        )
    with staged(options.output) as folder, staged(options.statistics) as statistics:
        names = [*collection.columns, collection.target]
        for name, rows in sides.items():
            write_rows(folder / name, names, rows)
        description = describe(collection, sides)
        (folder / "dataset").mkdir()
        _write(folder / "dataset" / DESCRIPTION, description)
        _write(statistics / "report.json", report(collection, sides))
    counts = ", ".join(f"{len(rows)} {name}" for name, rows in sides.items())
    return f"prepare: {counts}; {collection.reasons.total()} rows left out"


def split(collection: Collection, options: Options) -> dict[str, list[Row]]:
    """The rows of each side, in the order of the data."""
    sides: dict[str, list[Row]] = {name: [] for name in SPLITS}
    kept = 1 - options.validation_fraction - options.test_fraction
    for row in collection.rows:
        draw = _draw(row[:-1], options.seed)
        side = "train" if draw < kept else "test" if draw >= 1 - options.test_fraction else ""
        sides[side or "validation"].append(row)
    return sides


def _draw(features: Row, seed: int) -> float:
    """A number from 0 up to 1, the same for equal features."""
    text = f"{seed} " + ",".join(map(repr, features))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def describe(collection: Collection, sides: dict[str, list[Row]]) -> dict[str, object]:
    """What later steps, and the model itself, know of the data."""
    content = hashlib.sha256()
    for name, rows in sides.items():
        content.update(f"{name} {collection.columns} {collection.target} {rows}\n".encode())
    return {
        "version": 1,
        "columns": list(collection.columns),
        "target": collection.target,
        "digest": content.hexdigest(),
        "rows": {name: len(rows) for name, rows in sides.items()},
    }


def report(collection: Collection, sides: dict[str, list[Row]]) -> dict[str, object]:
    """What was left out and why, and between which numbers the training rows lie."""
    columns = zip(*sides["train"], strict=True)
    names = [*collection.columns, collection.target]
    return {
        "left_out": dict(sorted(collection.reasons.items())),
        "examples": collection.examples,
        "train": {
            name: {"min": min(values), "mean": sum(values) / len(values), "max": max(values)}
            for name, values in zip(names, columns, strict=True)
        },
    }


def _write(path: Path, document: dict[str, object]) -> None:
    text = json.dumps(document, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The options of a command line; argparse exits with status 2 when they are wrong."""
    parser = argparse.ArgumentParser(description="Check and split a table of numbers.")
    add = parser.add_argument
    add("--input", type=Path, required=True, help="folder with .csv files")
    add("--output", type=Path, required=True, help="folder for the splits")
    add("--statistics", type=Path, required=True, help="folder for the report")
    add("--target", required=True, help="the column that is to be foretold")
    add("--validation-fraction", type=fraction, default=0.15)
    add("--test-fraction", type=fraction, default=0.15)
    add("--max-rejected-fraction", type=share, default=0.1, help="of unsound rows, else it fails")
    add("--seed", type=int, default=7)
    options = Options(**vars(parser.parse_args(arguments)))
    if options.validation_fraction + options.test_fraction >= 1:
        parser.error("validation and test together must leave rows to train on")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 1 with one sentence on stderr."""
    options = parse(arguments)
    try:
        print(prepare(options), flush=True)
    except TableError as error:
        print(f"prepare: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    # A stopped job ends through the finally blocks, so that it leaves nothing half-written.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
