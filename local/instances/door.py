"""Where requests for EC2 come in: the first of them leads moto's EC2 to our instances.

Not before: moto's EC2 takes its time to load, and most servers are never asked for it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from local.backend import Backend
from local.gateway import Environ, StartResponse, WsgiApp, presented_scope
from local.instances.service import Instances


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

    def _lead(self) -> None:
        with self._lock:
            if self._is_led:
                return
            from local.instances.moto_doors import lead_moto

            lead_moto(self._instances)
            self._is_led = True
