"""Where requests for EC2 come in: the first of them leads moto's EC2 to our instances.

Not before: moto's EC2 takes its time to load, and most servers are never asked for it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from typing import Any

from local.backend import Backend
from local.gateway import Environ, StartResponse, WsgiApp, presented_scope
from local.instances.service import Instances

INSTANCE = re.compile(r"i-[0-9a-f]{8,17}")


class InstancesDoor:
    """Stands before moto, for the process that serves."""

    def __init__(self, backend: Backend) -> None:
        self._instances = Instances(backend)
        self._is_led = False
        self._lock = threading.Lock()

    def watch(self, app: WsgiApp) -> WsgiApp:
        """The application, whose instances run their user data."""

        def watched(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            if presented_scope(environ)[0] == "ec2":
                self._lead()
            return app(environ, start_response)

        return watched

    def answer_interruption(
        self, request: dict[str, Any], jobs: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        """The private route of the server: an instance by its id, anything else is a job's name."""
        if not INSTANCE.fullmatch(str(request["job"])):
            return jobs(request)
        self._instances.interrupt(str(request["job"]))
        return {"job": request["job"]}

    def _lead(self) -> None:
        with self._lock:
            if self._is_led:
                return
            from local.instances.moto_doors import lead_moto

            lead_moto(self._instances)
            self._is_led = True
