"""Times as Step Functions writes them into JSON: ISO 8601 in UTC."""

from __future__ import annotations

from datetime import datetime, timezone


def iso_8601(time: datetime) -> str:
    """`2026-01-31T12:00:00.500Z`; a time without a zone is UTC already."""
    if time.tzinfo is not None:
        time = time.astimezone(timezone.utc)
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def parse_time(text: str) -> datetime | None:
    """A moment in ISO 8601 with `T` and a zone, as Step Functions asks for; else None."""
    if "T" not in text:
        return None
    try:
        moment = datetime.fromisoformat(_six_digits(text.replace("Z", "+00:00")))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _six_digits(text: str) -> str:
    """The time with microseconds, which is what every version of Python reads."""
    whole, dot, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return f"{whole}.{digits[:6]:0<6}{rest[len(digits) :]}" if dot else text
