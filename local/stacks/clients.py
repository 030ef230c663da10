"""Clients with which stacks call this server's own services, as any caller does."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config


class Clients:
    """One client for each service; nothing is read from the user's own environment or files."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def get(self, service: str) -> Any:
        with self._lock:  # boto3's session is not safe for threads, its clients are
            if service not in self._made:
                self._made[service] = self._make(service)
            return self._made[service]

    def _make(self, service: str) -> Any:
        session = boto3.session.Session(
            aws_access_key_id=self._environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self._environment["AWS_SECRET_ACCESS_KEY"],
            region_name=self._environment["AWS_REGION"],
        )
        config = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 2})
        url = self._environment["AWS_ENDPOINT_URL"]
        return session.client(service, endpoint_url=url, config=config)
