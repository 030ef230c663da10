"""What is known of the model that is tested: rows of the test split, and its answers to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from events import about
from rows import Row as Sample  # what the handler calls it
from rows import read_rows

ALL = "predictions"
NO_SAMPLES = "The package names no rows, so predictions were not checked."
NONE_KEPT = "Evaluate kept no row, so predictions were not checked."


class Samples:
    """The samples below `uri`, an S3 prefix."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def list(self) -> list[Sample]:
        """Raises SamplesError."""
        return read_rows(self._uri)

    def event(self, sample: Sample, endpoint: str) -> dict[str, Any]:
        """The question about a sample."""
        return about(sample.record, endpoint)


def difference(sample: Sample, body: Mapping[str, Any]) -> str:
    """How an answer differs from what Evaluate saw; empty where it does not."""
    found = body.get("predictions")
    value = found[0] if isinstance(found, list) and found else None
    if isinstance(value, float) and abs(value - sample.expected) <= sample.within:
        return ""
    return f"The answer is {value}, not {sample.expected}."
