"""CloudWatch's embedded metric format: log lines of JSON that carry metrics.

A line is read when its `_aws` key says which of its other keys are metrics and dimensions; all else
is a line of the log and nothing more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST_DIMENSIONS = 30  # of one set; CloudWatch's own limit


@dataclass(frozen=True)
class Point:
    """One data point; `timestamp` in seconds since the epoch."""

    namespace: str
    name: str
    value: float
    dimensions: Mapping[str, str]
    timestamp: float
    unit: str


def points(line: str, now: float) -> list[Point]:
    """The data points of a line; none when it is not of the format. `now` dates undated lines."""
    if '"_aws"' not in line:
        return []
    try:
        content = json.loads(line)
        return list(_read(content, now))
    except (ValueError, TypeError, KeyError, AttributeError):
        return []  # CloudWatch too keeps a malformed line as a line


def _read(content: dict[str, Any], now: float) -> Iterator[Point]:
    about = content["_aws"]
    timestamp = float(about.get("Timestamp", 1000 * now)) / 1000
    for directive in about["CloudWatchMetrics"]:
        for names in directive.get("Dimensions") or [[]]:
            dimensions = {name: str(content[name]) for name in names[:MOST_DIMENSIONS]}
            for metric in directive["Metrics"]:
                for value in _values(content.get(metric["Name"])):
                    yield Point(
                        namespace=directive["Namespace"],
                        name=metric["Name"],
                        value=value,
                        dimensions=dimensions,
                        timestamp=timestamp,
                        unit=metric.get("Unit", "None"),
                    )


def _values(value: Any) -> list[float]:
    """A metric's value or values; none when the key is not there."""
    if value is None:
        return []
    return [float(one) for one in (value if isinstance(value, list) else [value])]
