"""Times as Step Functions writes them into JSON: ISO 8601 in UTC."""

from __future__ import annotations

from datetime import datetime, timezone


def iso_8601(time: datetime) -> str:
    """`2026-01-31T12:00:00.500Z`; a time without a zone is UTC already."""
    if time.tzinfo is not None:
        time = time.astimezone(timezone.utc)
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"
