"""Metrics read from what a script prints: one regular expression per metric."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from local.errors import validation_error


class MetricLines:
    """The MetricDefinitions of a job, and the last value of each metric."""

    def __init__(self, definitions: Sequence[dict[str, str]]) -> None:
        """`definitions` are the API's (Name, Regex); raises ValidationException for a bad one."""
        self._patterns = {d["Name"]: _compile(d) for d in definitions}
        self._last: dict[str, tuple[float, float]] = {}

    def read(self, line: str, now: float) -> Iterator[tuple[str, float]]:
        """(name, value) of each metric in the line."""
        for name, pattern in self._patterns.items():
            found = pattern.search(line)
            value = _number(found) if found else None
            if value is not None:
                self._last[name] = (value, now)
                yield name, value

    def final(self) -> list[dict[str, Any]]:
        """FinalMetricDataList: the last value of each metric."""
        return [
            {"MetricName": name, "Value": value, "Timestamp": when}
            for name, (value, when) in self._last.items()
        ]


def _compile(definition: dict[str, str]) -> re.Pattern[str]:
    try:
        pattern = re.compile(definition["Regex"])
    except re.error as error:
        raise validation_error(
            f"The Regex of metric '{definition['Name']}' is not a regular expression: {error}."
        ) from error
    if not pattern.groups:
        raise validation_error(
            f"The Regex of metric '{definition['Name']}' has no group around the value: write for "
            "example 'loss=([0-9.]+)'."
        )
    return pattern


def _number(found: re.Match[str]) -> float | None:
    try:
        value = float(found.group(1) or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
