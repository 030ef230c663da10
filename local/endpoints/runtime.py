"""The HTTP door of SageMaker's runtime: InvokeEndpoint and its two relatives (a WSGI application).

Requests and answers are in AWS's REST-JSON protocol, as botocore's model of the service describes
them: bodies are opaque, all else is in headers.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.endpoints.event_stream import payload_parts
from local.endpoints.invocation import (
    ANY,
    BYTES,
    Answer,
    InstanceGone,
    Invocation,
    ModelTimedOut,
)
from local.endpoints.model_error import ModelError, ModelErrors
from local.endpoints.submission import MOST_AGE, MOST_TIME, Accepted, Submission
from local.errors import ApiError
from local.shapes import Shapes

logger = logging.getLogger(__name__)
Environ = dict[str, Any]
StartResponse = Callable[..., Any]

MOST_BYTES = 6_291_456  # of a request's body
MOST_INLINE = 128_000  # bytes of the body of an asynchronous request
DRAINED = 67_108_864  # bytes of a body that is too large which are read before it is refused
PATH = re.compile(
    r"/endpoints/(?P<endpoint>[^/]+)/"
    r"(?P<kind>invocations|async-invocations|invocations-response-stream)"
)
OPERATIONS = {
    "invocations": "InvokeEndpoint",
    "async-invocations": "InvokeEndpointAsync",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
}
PREFIX = "X-Amzn-SageMaker-"
NOT_RUN = {
    "Target-Model": ("TargetModel", "multi-model endpoints"),
    "Target-Container-Hostname": ("TargetContainerHostname", "endpoints of several containers"),
    "Inference-Component": ("InferenceComponentName", "inference components"),
    "Enable-Explanations": ("EnableExplanations", "explanations"),
    "Session-Id": ("SessionId", "stateful sessions"),
    "Prefix-Aware-Id": ("PrefixAwareId", "routing by prefix"),
}
LIKE = {  # parameters that are checked by the model's patterns, and the headers that hold them
    "TargetVariant": "Target-Variant",
    "InferenceId": "Inference-Id",
    "InputLocation": "InputLocation",
    "S3OutputPathExtension": "S3OutputPathExtension",
    "Filename": "Filename",
}
NUMBERS = ("RequestTTLSeconds", "InvocationTimeoutSeconds")


@dataclass(frozen=True)
class Request:
    """An HTTP request to the runtime, read whole."""

    endpoint: str
    kind: str
    headers: Mapping[str, str]
    body: bytes

    def own(self, name: str) -> str:
        """The value of one of the service's own headers, or an empty text."""
        return self.headers.get((PREFIX + name).upper().replace("-", "_"), "")


@dataclass(frozen=True)
class Response:
    """What goes back over HTTP."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Runtime:
    """Reads requests, has them answered, and tells answers and errors.

    `answer` raises ApiError for what is not the model's fault; `submit` takes what an asynchronous
    endpoint is asked.
    """

    def __init__(
        self,
        account: str,
        region: str,
        answer: Callable[[Invocation], Answer],
        submit: Callable[[Submission], Accepted],
    ) -> None:
        self._errors = ModelErrors(account, region)
        self._answer = answer
        self._submit = submit
        self._shapes = Shapes("sagemaker-runtime")
        self._kinds = {
            "invocations": self._invoke,
            "async-invocations": self._invoke_later,
            "invocations-response-stream": self._invoke_in_parts,
        }

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            request = _read(environ)
            self._check(request)
            response = self._kinds[request.kind](request)
        except ApiError as error:
            # The runtime's name for what the rest of SageMaker calls a ValidationException.
            wrong = error.code == "ValidationException"
            response = _fault(refusal(error.message) if wrong else error)
        except Exception as error:
            # The edge of the server: a fault of ours becomes an AWS answer, and goes to the log.
            logger.exception("%s failed", environ.get("PATH_INFO"))
            reason = f"The embedded AWS failed: {type(error).__name__}: {error}"
            response = _fault(ApiError("InternalFailure", reason, 500))
        headers = [*response.headers.items(), ("Content-Length", str(len(response.body)))]
        start_response(f"{response.status} {'OK' if response.status < 300 else 'Error'}", headers)
        return [response.body]

    def _check(self, request: Request) -> None:
        for header, (parameter, feature) in NOT_RUN.items():
            if request.own(header):
                raise refusal(
                    f"{parameter} is for {feature}, which are not run here; leave it out."
                )
        parameters: dict[str, Any] = {"EndpointName": request.endpoint, "Body": request.body}
        for name, header in LIKE.items():
            if value := request.own(header):
                parameters[name] = value
        if request.kind == "async-invocations":
            parameters |= {name: _number(request, name) for name in NUMBERS if request.own(name)}
        try:
            self._shapes.check(OPERATIONS[request.kind], parameters)
        except ApiError as error:
            raise refusal(error.message) from error

    def _invoke(self, request: Request) -> Response:
        answer = self._answered(_invocation(request, request.headers.get("ACCEPT", "")))
        headers = _told(answer) | {"Content-Type": answer.reply.content_type}
        return Response(200, answer.reply.body, headers)

    def _invoke_in_parts(self, request: Request) -> Response:
        answer = self._answered(_invocation(request, request.own("Accept")))
        headers = _told(answer) | {
            "Content-Type": "application/vnd.amazon.eventstream",
            f"{PREFIX}Content-Type": answer.reply.content_type,
        }
        return Response(200, payload_parts(answer.reply.body), headers)

    def _answered(self, invocation: Invocation) -> Answer:
        try:
            answer = self._answer(invocation)
        except ModelTimedOut as error:
            raise self._errors.timed_out(invocation.endpoint) from error
        except InstanceGone as error:
            raise self._errors.gone(invocation.endpoint) from error
        if not 200 <= answer.reply.status < 300:
            raise self._errors.refused(invocation.endpoint, answer.reply)
        return answer

    def _invoke_later(self, request: Request) -> Response:
        accepted = self._submit(_submission(request))
        headers = {
            "Content-Type": "application/json",
            f"{PREFIX}OutputLocation": accepted.output,
        }
        if accepted.failure:
            headers[f"{PREFIX}FailureLocation"] = accepted.failure
        return Response(202, json.dumps({"InferenceId": accepted.inference_id}).encode(), headers)


def refusal(message: str) -> ApiError:
    """The request is wrong, in the runtime's own code for it."""
    return ApiError("ValidationError", message)


def _read(environ: Environ) -> Request:
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
    match = PATH.fullmatch(path)
    if match is None or method != "POST":
        raise ApiError(
            "UnknownOperationException", f"SageMaker's runtime has no {method} {path}.", 404
        )
    headers = {
        name.removeprefix("HTTP_"): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name == "CONTENT_TYPE"
    }
    return Request(match["endpoint"], match["kind"], headers, _read_body(environ))


def _read_body(environ: Environ) -> bytes:
    """The body; raises ApiError when it is too large, after reading it so far as makes sense.

    A client that still sends would otherwise see a broken connection instead of the reason.
    """
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH"):
        body: bytes = stream.read(DRAINED)
    else:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = stream.read(min(length, DRAINED))
    if len(body) > MOST_BYTES:
        raise ApiError("413", f"HTTP content length exceeded {MOST_BYTES} bytes.", 413)
    return body


def _invocation(request: Request, accept: str, content_type: str = "") -> Invocation:
    return Invocation(
        endpoint=request.endpoint,
        body=request.body,
        content_type=content_type or request.headers.get("CONTENT_TYPE", "") or BYTES,
        accept=accept or ANY,
        custom_attributes=request.own("Custom-Attributes"),
        target_variant=request.own("Target-Variant"),
        inference_id=request.own("Inference-Id"),
    )


def _submission(request: Request) -> Submission:
    location = request.own("InputLocation")
    if bool(location) == bool(request.body):
        raise refusal("An asynchronous request needs one of InputLocation and Body, not both.")
    if len(request.body) > MOST_INLINE:
        raise refusal(
            f"The Body has {len(request.body)} bytes, and at most {MOST_INLINE} are taken; put it "
            "into S3 and give its InputLocation."
        )
    return Submission(
        _invocation(request, request.own("Accept"), request.own("Content-Type")),
        location=location,
        extension=request.own("S3OutputPathExtension"),
        filename=request.own("Filename"),
        age_limit=_number(request, "RequestTTLSeconds", MOST_AGE),
        time_limit=_number(request, "InvocationTimeoutSeconds", MOST_TIME),
    )


def _number(request: Request, name: str, default: int = 0) -> int:
    text = request.own(name)
    try:
        return int(text) if text else default
    except ValueError as error:
        raise refusal(f"{name} '{text}' is not a whole number of seconds.") from error


def _told(answer: Answer) -> dict[str, str]:
    headers = {"x-Amzn-Invoked-Production-Variant": answer.variant}
    if answer.reply.custom_attributes:
        headers[f"{PREFIX}Custom-Attributes"] = answer.reply.custom_attributes
    return headers


def _fault(error: ApiError) -> Response:
    fields = error.fields if isinstance(error, ModelError) else {}
    body = json.dumps({"Code": error.code, "Message": error.message, **fields}).encode()
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
    return Response(error.status, body, headers)
