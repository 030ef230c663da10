"""The services that events are delivered to, called over HTTP as any client calls them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

CONNECT_TIMEOUT, READ_TIMEOUT = 5, 60  # seconds


class Services:
    """boto3 clients of this server, made when first asked for.

    `environment` holds the AWS_… variables that lead to it; nothing is read from the user's own
    environment or files.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str, region: str) -> Any:
        """A client, shared by all threads."""
        with self._lock:  # boto3's session is not safe for threads, its clients are
            if (service, region) not in self._clients:
                self._clients[service, region] = self._make(service, region)
            return self._clients[service, region]

    def _make(self, service: str, region: str) -> Any:
        session = boto3.session.Session(
            aws_access_key_id=self._environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self._environment["AWS_SECRET_ACCESS_KEY"],
            region_name=region,
        )
        # One attempt: the retries of a delivery are counted by the delivery.
        config = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"total_max_attempts": 1},
        )
        url = self._environment["AWS_ENDPOINT_URL"]
        return session.client(service, endpoint_url=url, config=config)
