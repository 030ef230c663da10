"""The one HTTP door of the embedded AWS (a WSGI application).

Requests without the server's access key, or a role's, are refused, because jobs are processes: an
open port would be code execution for anyone on this machine. What roles ask is noted. SageMaker's
actions go to our own services, its runtime's go to the endpoints, everything else goes to moto. A
few private routes are no part of AWS at all. The border, where there is one, passes on what belongs
to another account of this machine.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

from local.errors import ApiError
from local.iam.caller import Caller
from local.iam.calls import Calls, refusal
from local.iam.credentials import Credentials
from local.iam.operations import read_operation
from local.json_protocol import respond
from local.sagemaker import SageMaker

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]
# Who answers a call of somebody's, at a service and region: the given application, or another.
Border = Callable[[Caller | None, Environ, str, str, WsgiApp], WsgiApp]

CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/[^/]+/([^/]+)/([^/]+)/aws4_request")
TARGET_PREFIX = "SageMaker."
RUNTIME_PATH = "/endpoints/"  # of InvokeEndpoint and its relatives
CALLER = "breedline.caller"  # in a request's environ, where it is a role's
READING_METHODS = {"GET", "HEAD", "OPTIONS"}
JSON_TYPE = "application/x-amz-json-1.1"


class Gateway:
    """Checks the access key, then hands the request to our SageMaker or to moto."""

    def __init__(
        self,
        access_key: str,
        sagemaker: SageMaker,
        moto_app: WsgiApp,
        s3_changed: Callable[[], None],
        private: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] | None = None,
        runtime: WsgiApp | None = None,
        credentials: Credentials | None = None,
        calls: Calls | None = None,
        border: Border | None = None,
    ) -> None:
        self._access_key = access_key
        self._sagemaker = sagemaker
        self._moto_app = moto_app
        self._s3_changed = s3_changed
        self._private = private or {}
        self._runtime = runtime or _without_endpoints
        self._credentials = credentials
        self._calls = calls
        self._border = border

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        key, region, service = _credential(environ)
        caller: Caller | None = None
        answer: WsgiApp = self._answer_here
        if not hmac.compare_digest(key.encode(), self._access_key.encode()):
            caller = self._credentials.find(key) if self._credentials and key else None
            if caller is None:
                return _refuse(service, start_response)
        try:
            if caller:
                self._note(caller, environ, service, region)
                environ[CALLER] = caller
            if self._border:
                answer = self._border(caller, environ, service, region, answer)
        except ApiError as error:
            return _deny(service, error, start_response)
        return answer(environ, start_response)

    def _answer_here(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        _, _, service = _credential(environ)
        if environ.get("PATH_INFO", "") in self._private:
            return self._answer_privately(environ, start_response)
        action = environ.get("HTTP_X_AMZ_TARGET", "").removeprefix(TARGET_PREFIX)
        if service == "sagemaker" and self._sagemaker.knows(action):
            return self._answer(action, environ, start_response)
        if service == "sagemaker" and environ.get("PATH_INFO", "").startswith(RUNTIME_PATH):
            return self._runtime(environ, start_response)
        return self._pass_to_moto(service, environ, start_response)

    def _note(self, caller: Caller, environ: Environ, service: str, region: str) -> None:
        if self._calls and self._calls.watching:
            asked = read_operation(environ, service)
            name = asked.name or f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}"
            self._calls.note(caller, asked.service, name, asked.parameters, region)

    def _answer(
        self, action: str, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        status, answer = respond(self._sagemaker, action, environ["wsgi.input"].read(length))
        return _send_json(status, answer, start_response)

    def _answer_privately(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        try:
            request = json.loads(environ["wsgi.input"].read(length) or b"{}")
            answer = self._private[environ["PATH_INFO"]](request)
        except (ValueError, TypeError, AttributeError) as error:
            return _send_json(400, {"message": str(error)}, start_response)
        return _send_json(200, answer, start_response)

    def _pass_to_moto(
        self, service: str, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        answer = self._moto_app(environ, start_response)
        if service == "s3" and environ["REQUEST_METHOD"] not in READING_METHODS:
            self._s3_changed()
        return answer


def _without_endpoints(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    fault = {"__type": "ValidationError", "message": "This server has no endpoints."}
    return _send_json(400, fault, start_response)


def presented_credential(environ: Environ) -> tuple[str, str]:
    """Access key id and service name of a signed or presigned request; empty when unsigned."""
    key, _, service = _credential(environ)
    return key, service


def presented_scope(environ: Environ) -> tuple[str, str]:
    """Service name and region of a signed or presigned request; empty when unsigned."""
    _, region, service = _credential(environ)
    return service, region


def _credential(environ: Environ) -> tuple[str, str, str]:
    match = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if match:
        return match[1], match[2], match[3]
    presigned = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential", [""])[0]
    parts = presigned.split("/")
    return (parts[0], parts[2], parts[3]) if len(parts) == 5 else ("", "", "")


def _refuse(service: str, start_response: StartResponse) -> Iterable[bytes]:
    message = (
        "The access key is not the one of this local server; see `definitions.py local status`."
    )
    if service == "s3":
        body = f"<Error><Code>InvalidAccessKeyId</Code><Message>{message}</Message></Error>"
        start_response("403 Forbidden", [("Content-Type", "application/xml")])
        return [body.encode()]
    fault = {"__type": "UnrecognizedClientException", "message": message}
    return _send_json(403, fault, start_response)


def _deny(service: str, error: ApiError, start_response: StartResponse) -> Iterable[bytes]:
    status, content_type, body = refusal(service, error)
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    headers = [("Content-Type", content_type), ("Content-Length", str(len(content)))]
    start_response(f"{status} Denied", headers)
    return [content]


def _send_json(
    status: int, answer: dict[str, Any], start_response: StartResponse
) -> Iterable[bytes]:
    body = json.dumps(answer).encode()
    headers = [("Content-Type", JSON_TYPE), ("Content-Length", str(len(body)))]
    start_response(f"{status} {'OK' if status == 200 else 'Error'}", headers)
    return [body]
