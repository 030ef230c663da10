"""The rows that the evaluation kept, each with what the model answered to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bucket import Prefix, SamplesError

MOST = 100  # results are told in a state of a state machine, which holds no more than 256 KB


@dataclass(frozen=True)
class Row:
    """One entry of samples.json; `within` is how far an answer may be from `expected`."""

    name: str
    record: Mapping[str, float]
    expected: float
    within: float


def read_rows(uri: str) -> list[Row]:
    """At least one row of those below `uri`, an S3 prefix. Raises SamplesError."""
    if not uri:
        raise SamplesError("The package names no rows, so that nothing is known to ask.")
    content = Prefix(uri).read("samples.json")
    try:
        document = json.loads(content)
        rows = [_row(entry, float(document["tolerance"])) for entry in document["samples"]]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SamplesError("samples.json is not what Evaluate writes.") from error
    if not rows:
        raise SamplesError("Evaluate kept no rows, so that nothing is known to ask.")
    return rows[:MOST]


def _row(entry: Mapping[str, Any], tolerance: float) -> Row:
    expected = float(entry["expected"])
    record = {str(name): float(value) for name, value in entry["record"].items()}
    return Row(str(entry["name"]), record, expected, tolerance * max(1.0, abs(expected)))
