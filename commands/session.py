"""What a command works with: the settings of one environment and boto3 clients for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from settings import Settings


class MakeClient(Protocol):
    """Makes the boto3 client of a service; the options are those of botocore's Config."""

    def __call__(self, service: str, **options: Any) -> Any: ...


@dataclass(frozen=True)
class Session:
    """Settings, and a maker of clients that is called only when a client is needed.

    `local_folder` is where the embedded AWS keeps its state, None in an environment of real AWS.
    """

    settings: Settings
    make_client: MakeClient
    local_folder: Path | None
    as_json: bool
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)

    def client(self, service: str) -> Any:
        """The boto3 client of a service, made once."""
        if service not in self._clients:
            self._clients[service] = self.make_client(service)
        return self._clients[service]

    @property
    def is_local(self) -> bool:
        return self.local_folder is not None

    @property
    def poll_seconds(self) -> float:
        """How often a running execution is looked at."""
        return 0.3 if self.is_local else 5.0
