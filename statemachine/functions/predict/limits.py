"""What the function may be asked for, read from its environment; and how long it may take."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MARGIN = 1.0  # seconds that are left for the answer itself
LARGEST_PART = 0.1  # of short time-outs the margin is no more than this


@dataclass(frozen=True)
class Limits:
    """The endpoints (the first is the default), bytes of an image, S3 buckets and URL hosts."""

    endpoints: tuple[str, ...]
    bytes: int
    buckets: tuple[str, ...]
    hosts: tuple[str, ...]

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Limits:
        """Raises KeyError or ValueError when the environment is not the one of a deployment."""
        return cls(
            endpoints=_names(environment["ENDPOINT_NAMES"]),
            bytes=int(environment["MAX_REQUEST_BYTES"]),
            buckets=_names(environment.get("S3_BUCKETS", "")),
            hosts=_names(environment.get("URL_ALLOW_LIST", "")),
        )


class Deadline:
    """When the answer must be on its way, so that Lambda never has to end the function."""

    def __init__(self, context: Any) -> None:
        left: float = context.get_remaining_time_in_millis() / 1000
        self._ends: float = time.monotonic() + left - min(MARGIN, LARGEST_PART * left)

    def left(self) -> float:
        """Seconds, never negative."""
        return max(0.0, self._ends - time.monotonic())


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
