"""The ways by which moto reaches a function, led to ours: the Invoke API, and its other services.

moto starts a container, or echoes the event where there is no Docker. It also leaves out the
qualifier of a call and the version that ran. Replaced once, for the process that serves.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import moto.awslambda.models as moto_models
import moto.awslambda.responses as moto_responses
from moto.awslambda.exceptions import LambdaClientError
from moto.core.responses import BaseResponse
from werkzeug.exceptions import HTTPException

from local.errors import ApiError
from local.functions.api import table
from local.functions.errors import Throttled, invalid_parameter
from local.functions.lookup import Target
from local.functions.records import KeptFunction
from local.functions.service import Answer, Functions

LARGEST_EVENT = {"Event": 1_048_576, "RequestResponse": 6_291_456}  # bytes; AWS's own limits
REQUEST_ID = "x-amzn-requestid"
REPLACED = (
    (moto_responses.LambdaResponse, "invoke"),
    (moto_models.LambdaBackend, "invoke"),
    (moto_models.LambdaFunction, "invoke"),
    (moto_responses.LambdaResponse, "call_action"),
    (moto_responses.LambdaResponse, "_enrich_response"),
    (moto_models, "LambdaFunction"),
)
HttpAnswer = tuple[int, dict[str, str], bytes]


def answer_invocations(functions: Functions) -> None:
    """Let every invocation in this process run through `functions`."""

    def over_http(response: Any) -> HttpAnswer:
        try:
            return _over_http(functions, response)
        except ApiError as error:
            raise _as_moto(error) from error

    def by_a_service(
        backend: Any,
        function_name: str,
        qualifier: str | None,
        body: Any,
        headers: Any,
        response_headers: Any,
    ) -> bytes:
        # SQS and Secrets Manager of moto wait for the answer.
        try:
            target = functions.find(function_name, qualifier, backend.region_name)
            answer = functions.run(target, _as_bytes(body))
        except Throttled as error:  # the batch has failed, and will come again
            response_headers["x-amz-function-error"] = "Unhandled"
            return error.message.encode()
        except ApiError as error:
            raise _as_moto(error) from error
        response_headers.update(_headers(answer))
        return answer.outcome.payload

    def by_an_event(function: Any, body: Any, request_headers: Any, response_headers: Any) -> str:
        # S3, SNS, Logs and InvokeAsync of moto come here; on AWS none of them waits.
        try:
            functions.start(
                functions.find(function.function_arn, None, function.region), _as_bytes(body)
            )
        except ApiError as error:
            raise _as_moto(error) from error
        return ""

    def by_action(response: Any) -> Any:
        action = response._get_action()
        if action not in table.ACTIONS:
            return BaseResponse.call_action(response)
        status, headers, body = _answered(functions, action, response)
        headers, body = response._enrich_response(headers, body)
        return status, headers, body

    doors = (
        *(over_http, by_a_service, by_an_event, by_action),
        *(staticmethod(_keep_request_id), KeptFunction),
    )
    for (owner, name), ours in zip(REPLACED, doors, strict=True):
        setattr(owner, name, ours)
    table.add_paths()


def _answered(functions: Functions, action: str, response: Any) -> tuple[int, dict[str, Any], Any]:
    """One action of ours, its errors and moto's as AWS sends them."""
    try:
        return table.answer(functions, action, response)
    except ApiError as error:
        refusal: HTTPException = _as_moto(error)
    except HTTPException as error:  # moto's own checks
        refusal = error
    headers = {**dict(refusal.get_headers()), "status": refusal.code}
    return refusal.code or 400, headers, refusal.description


def _keep_request_id(headers: dict[str, str], body: Any) -> tuple[dict[str, str], Any]:
    """moto gives every answer a new id; an invocation's is the one in the function's log."""
    ours = {name: value for name, value in headers.items() if name == REQUEST_ID}
    headers, body = BaseResponse._enrich_response(headers, body)
    return headers | ours, body


def _over_http(functions: Functions, response: Any) -> HttpAnswer:
    name = unquote(response.path.rsplit("/", 2)[-2])
    qualifier = response.querystring.get("Qualifier", [None])[0]
    target = functions.find(name, qualifier, response.region)
    kind = response.headers.get("X-Amz-Invocation-Type") or "RequestResponse"
    event = _as_bytes(response.body)
    _check_event(event, kind)
    version = {"X-Amz-Executed-Version": target.function.version}
    if kind == "DryRun":
        return 204, {**version, "status": "204"}, b""
    context = _client_context(response.headers.get("X-Amz-Client-Context"))
    if kind == "Event":
        request_id = functions.start(target, event, context)
        return 202, {"status": "202", REQUEST_ID: request_id}, b""  # moto reads the status there
    return _wait(functions, target, event, context, response.headers)


def _wait(
    functions: Functions,
    target: Target,
    event: bytes,
    context: Mapping[str, Any] | None,
    request_headers: Mapping[str, str],
) -> HttpAnswer:
    answer = functions.run(target, event, context)
    headers = _headers(answer)
    if request_headers.get("X-Amz-Log-Type") == "Tail":
        headers["X-Amz-Log-Result"] = base64.b64encode(answer.log_tail).decode()
    return 200, headers, answer.outcome.payload


def _headers(answer: Answer) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        REQUEST_ID: answer.request_id,
        "X-Amz-Executed-Version": answer.version,
    }
    if answer.outcome.failed:
        headers["x-amz-function-error"] = "Unhandled"
    return headers


def _check_event(event: bytes, kind: str) -> None:
    if kind not in (*LARGEST_EVENT, "DryRun"):
        raise invalid_parameter(
            f"The invocation type {kind} is none of {', '.join(LARGEST_EVENT)}, DryRun."
        )
    most = LARGEST_EVENT.get(kind)
    if most and len(event) > most:
        size = f"{len(event)} byte payload is too large for the {kind} invocation type"
        message = f"{size} (limit {most} bytes)"
        raise ApiError("RequestTooLargeException", message, 413)
    try:
        json.loads(event or b"{}")
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise ApiError("InvalidRequestContentException", message) from error


def _client_context(header: str | None) -> Mapping[str, Any] | None:
    if not header:
        return None
    try:
        context: Mapping[str, Any] = json.loads(base64.b64decode(header))
    except ValueError as error:
        message = f"The client context is not JSON in base64: {error}"
        raise ApiError("InvalidRequestContentException", message) from error
    return context


def _as_bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else (body or "").encode()


def _as_moto(error: ApiError) -> LambdaClientError:
    refusal = LambdaClientError(error.code, error.message)
    refusal.code = error.status
    if isinstance(error, Throttled):
        fault = {"Reason": error.reason, "Type": "User", "message": error.message}
        refusal.description = json.dumps(fault)
    return refusal
