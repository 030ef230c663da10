"""boto3's clients, made once in an execution environment and kept while it lives.

A client's time limits are its own, so there is one for each limit; in practice these are one or
two, because a call nearly always finds the same time left.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config

CONNECT_SECONDS = 2.0
SHORTEST = 0.5


def client(service: str, seconds: float, attempts: int = 1) -> Any:
    """A client that waits at most `seconds`, in whole ones, for each of its `attempts`."""
    return _made(service, float(int(seconds)) or SHORTEST, attempts)


@lru_cache(maxsize=16)
def _made(service: str, seconds: float, attempts: int) -> Any:
    config = Config(
        connect_timeout=min(CONNECT_SECONDS, seconds),
        read_timeout=seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        tcp_keepalive=True,
    )
    return boto3.client(service, region_name=os.environ["AWS_REGION"], config=config)
