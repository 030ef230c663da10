"""What a spot instance may ask about itself: whether its capacity is taken back.

A stand-in for the instance metadata service, version 2: nothing without a token. It answers on this
machine only, and knows nothing else; credentials are in an instance's environment.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.connection import HOST

TOKEN, ACTION = "/latest/api/token", "/latest/meta-data/spot/instance-action"  # noqa: S105
NOTICE = 120.0  # seconds from the notice to the end


class Metadata:
    """The service of one instance, until it is closed."""

    def __init__(self) -> None:
        self._action = ""
        self._token = secrets.token_urlsafe(24)
        self._server = ThreadingHTTPServer((HOST, 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="metadata", daemon=True).start()

    def environment(self) -> dict[str, str]:
        """The variables that lead an instance here."""
        return {
            "AWS_EC2_METADATA_DISABLED": "false",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://{HOST}:{self._server.server_port}",
            "BREEDLINE_NOTICE_SECONDS": "0.3",
        }

    def announce_end(self) -> None:
        """From now on the notice stands there."""
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + NOTICE))
        self._action = json.dumps({"action": "terminate", "time": ends})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, token: str | None) -> tuple[int, str]:
        """Status and body."""
        if (method, path) == ("PUT", TOKEN):
            return 200, self._token
        if token is None or not secrets.compare_digest(token, self._token):
            return 401, ""
        if path == ACTION and self._action:
            return 200, self._action
        return 404, ""

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._reply("GET")

            def do_PUT(self) -> None:
                self._reply("PUT")

            def _reply(self, method: str) -> None:
                token = self.headers.get("X-aws-ec2-metadata-token")
                status, text = answer(method, self.path, token)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: Any) -> None:
                return

        return Handler
