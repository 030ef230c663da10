"""SageMaker's runtime API as small as it can be: HTTP, and a test says what is answered."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONTAINER = {
    "label": "beagle",
    "index": 1,
    "probability": 0.75,
    "top_k": [
        {"label": "beagle", "index": 1, "probability": 0.75},
        {"label": "pug", "index": 0, "probability": 0.25},
    ],
    "model_version": 7,
}


@dataclass
class Asked:
    """One request that came in."""

    endpoint: str
    body: bytes
    content_type: str


@dataclass
class Reply:
    """What goes back; `delay` in seconds."""

    status: int = 200
    document: Any = field(default_factory=lambda: dict(CONTAINER))
    error: str = ""
    delay: float = 0.0


def model_error(status: int, message: str) -> Reply:
    """A container's own refusal, in the form that SageMaker gives it."""
    document = {
        "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if status < 500 else "SERVER_ERROR_FROM_MODEL",
        "LogStreamArn": "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/e",
        "Message": f"Received error ({status}) from primary with message {message!r}.",
        "OriginalMessage": message,
        "OriginalStatusCode": status,
    }
    return Reply(424, document, "ModelError")


def service_error(status: int, code: str, message: str) -> Reply:
    """A refusal of SageMaker itself."""
    return Reply(status, {"Message": message}, code)


class Runtime:
    """Listens on the loopback; `answer` may be replaced, `asked` keeps what came in."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Reply | None] = lambda asked: Reply()
        runtime = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet for head and body; two of them wait for each other

            def do_POST(self) -> None:
                runtime._respond(self)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def reset(self) -> None:
        self.asked.clear()
        self.answer = lambda asked: Reply()

    def stop(self) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _respond(self, request: Any) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        endpoint = request.path.removeprefix("/endpoints/").removesuffix("/invocations")
        asked = Asked(endpoint, body, request.headers["Content-Type"])
        self.asked.append(asked)
        reply = self.answer(asked)
        if reply is None:  # hang up without a word
            request.close_connection = True
            return
        self._stopping.wait(reply.delay)
        document = reply.document
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        try:
            request.send_response(reply.status)
            request.send_header("Content-Type", "application/json")
            if reply.error:
                request.send_header("x-amzn-ErrorType", reply.error)
            request.send_header("Content-Length", str(len(content)))
            request.end_headers()
            request.wfile.write(content)
        except (OSError, http.client.HTTPException):  # the client gave up waiting
            request.close_connection = True


class Context:
    """What Lambda's runtime gives a handler, as far as the functions look at it."""

    aws_request_id = "11111111-2222-3333-4444-555555555555"

    def __init__(self, seconds: float = 28.0) -> None:
        self._ends = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int(1000 * (self._ends - time.monotonic())))
