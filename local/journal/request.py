"""A request to moto as it can be kept and made again: without signature, token or session."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

from werkzeug.test import EnvironBuilder

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
KEPT_HEADERS = ("X-Amz-Target", "X-Amzn-Query-Mode")
MEMBER = re.compile(r"(?P<name>\w+)(?:\.member)?\.\d+")  # EC2 leaves the word out


@dataclass(frozen=True)
class Request:
    """What a client asked of one service in one region."""

    service: str
    region: str
    method: str
    path: str
    query: str
    content_type: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def action(self) -> str:
        """The API action of JSON and form requests; `PUT notification` and its like for REST."""
        if "X-Amz-Target" in self.headers:
            return self.headers["X-Amz-Target"].rpartition(".")[2]
        if "form-urlencoded" in self.content_type:
            return parse_qs(self.body.decode()).get("Action", [""])[0]
        return ""

    @property
    def title(self) -> str:
        """What it is, for the log."""
        return f"{self.service} {self.action or f'{self.method} {self.path}'}"

    @property
    def parameters(self) -> dict[str, Any]:
        """The request's fields, for naming its resource; of a form, lists as lists."""
        if "json" in self.content_type:
            fields = json.loads(self.body or b"{}")
            return fields if isinstance(fields, dict) else {}
        if "form-urlencoded" in self.content_type:
            return _form(self.body.decode())
        return {}

    @property
    def is_json(self) -> bool:
        return "json" in self.content_type

    def with_parameters(self, parameters: Mapping[str, Any]) -> Request:
        """The same JSON request with other fields."""
        return replace(self, body=json.dumps(parameters).encode())

    def document(self) -> dict[str, Any]:
        """The request as JSON."""
        try:
            body = {"text": self.body.decode()}
        except UnicodeDecodeError:
            body = {"base64": base64.b64encode(self.body).decode()}
        return asdict(self) | {"body": body}


def from_document(document: Mapping[str, Any]) -> Request:
    body = document["body"]
    content = body["text"].encode() if "text" in body else base64.b64decode(body["base64"])
    return Request(**{**document, "body": content})


def take(environ: Environ, service: str, region: str) -> Request:
    """The request of a WSGI environment, which stays readable."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    headers = {name: environ.get(_variable(name), "") for name in KEPT_HEADERS}
    query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    return Request(
        service=service,
        region=region,
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO", "/"),
        query=urlencode([item for item in query if not item[0].lower().startswith("x-amz-")]),
        content_type=environ.get("CONTENT_TYPE", ""),
        headers={name: value for name, value in headers.items() if value},
        body=body,
    )


def perform(app: WsgiApp, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status line, headers and body of a request's answer, whole."""
    answer: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], *more: Any) -> None:
        answer[:] = [status, headers]

    chunks = app(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close:
            close()
    return answer[0], answer[1], body


def make_again(app: WsgiApp, request: Request) -> tuple[int, bytes]:
    """HTTP status and body of the request's answer."""
    scope = f"journal/19700101/{request.region}/{request.service}/aws4_request"
    builder = EnvironBuilder(
        path=request.path,
        method=request.method,
        query_string=request.query,
        content_type=request.content_type or None,
        data=request.body,
        headers={
            **request.headers,
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, Signature=0",
        },
    )
    status, _, body = perform(app, builder.get_environ())
    return int(status.split()[0]), body


def _variable(header: str) -> str:
    return "HTTP_" + header.upper().replace("-", "_")


def _form(body: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in parse_qsl(body, keep_blank_values=True):
        member = MEMBER.fullmatch(name)
        if member:
            fields.setdefault(member["name"], []).append(value)
        else:
            fields[name] = value
    return fields
