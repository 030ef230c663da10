"""Clients with which stacks call this server's own services: in the name of who asked for them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from local.iam.caller import acting_now
from local.iam.credentials import Credentials


class Clients:
    """One client for each service and caller; nothing is read from the user's own environment."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._made: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def get(self, service: str) -> Any:
        """The client of whoever this thread works for."""
        environment = self._credentials.environment_of(acting_now())
        named = service, environment["AWS_ACCESS_KEY_ID"]
        with self._lock:  # boto3's session is not safe for threads, its clients are
            if named not in self._made:
                self._made[named] = _make(service, environment)
            return self._made[named]


def _make(service: str, environment: Mapping[str, str]) -> Any:
    session = boto3.session.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment.get("AWS_SESSION_TOKEN"),
        region_name=environment["AWS_REGION"],
    )
    config = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 2})
    return session.client(service, endpoint_url=environment["AWS_ENDPOINT_URL"], config=config)
