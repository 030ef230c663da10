"""Results on stdout, progress on stderr; `--json` turns the result into one JSON document."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any


def say(message: str) -> None:
    """One line of progress, on stderr."""
    print(message, file=sys.stderr, flush=True)


def emit(result: dict[str, Any], text: str, as_json: bool) -> None:
    """The command's result on stdout: `result` as JSON when asked for, else `text`."""
    print(json.dumps(result, indent=2, default=_plain) if as_json else text, flush=True)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as left-aligned columns."""
    if not rows:
        return ""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from `start` to `end`, to a tenth; None when one of them is missing."""
    return round((end - start).total_seconds(), 1) if start and end else None


def moment(time: datetime | str) -> str:
    """A time to the second, also as it stands in JSON."""
    return str(time)[:19].replace("T", " ")


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
