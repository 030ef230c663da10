"""The services that events are delivered to, called over HTTP as any client calls them."""

from __future__ import annotations

import threading
from typing import Any

import boto3
from botocore.config import Config

from local.iam.caller import Caller
from local.iam.credentials import Credentials

CONNECT_TIMEOUT, READ_TIMEOUT = 5, 60  # seconds


class Services:
    """boto3 clients of this server, made when first asked for.

    Nothing is read from the user's own environment or files.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._clients: dict[tuple[str, str, Caller | None], Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str, region: str, someone: Caller | None = None) -> Any:
        """A client, shared by all threads: a role's, or the service's own."""
        key = (service, region, someone)
        with self._lock:  # boto3's session is not safe for threads, its clients are
            if key not in self._clients:
                self._clients[key] = self._make(*key)
            return self._clients[key]

    def _make(self, service: str, region: str, someone: Caller | None) -> Any:
        environment = self._credentials.environment_of(someone)
        session = boto3.session.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=environment.get("AWS_SESSION_TOKEN"),
            region_name=region,
        )
        # One attempt: the retries of a delivery are counted by the delivery.
        config = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"total_max_attempts": 1},
        )
        url = environment["AWS_ENDPOINT_URL"]
        return session.client(service, endpoint_url=url, config=config)
