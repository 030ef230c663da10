"""Events in the envelope that AWS documents, whoever sends them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

Event = dict[str, Any]
SECONDS_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def iso_time(seconds: float) -> str:
    """Seconds since the epoch as events carry them: `2026-11-24T01:52:19Z`."""
    return datetime.fromtimestamp(seconds, tz=timezone.utc).strftime(SECONDS_FORMAT)


def envelope(
    *,
    source: str,
    detail_type: str,
    detail: Any,
    resources: Sequence[str],
    account: str,
    region: str,
    time: float,
) -> Event:
    """A new event with an id of its own."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": iso_time(time),
        "region": region,
        "resources": list(resources),
        "detail": detail,
    }
