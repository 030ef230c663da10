"""Ask a SageMaker endpoint, and turn each way to fail into a refusal.

What the model says of a caller's mistake (4xx) is passed on, one sentence of it; of its own faults
(5xx) it is only said that they happened, because such texts hold tracebacks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from clients import client
from limits import Deadline
from refusals import BUSY, Refusal

LONGEST = 300  # characters of a model's sentence
SENTENCE = re.compile(r".*?[.!?](?=\s|$)")
SHORTEST = 0.2  # seconds in which an endpoint may still answer


def ask(endpoint: str, body: bytes, kind: str, deadline: Deadline) -> bytes:
    """What the model answers to a body of this content type. Raises Refusal."""
    try:
        return _invoke(endpoint, body, kind, deadline)
    except ConnectionClosedError:
        # A kept connection that ended while the environment was frozen; nothing was answered.
        return _invoke(endpoint, body, kind, deadline, final=True)


def _invoke(
    endpoint: str, body: bytes, kind: str, deadline: Deadline, *, final: bool = False
) -> bytes:
    left = deadline.left()
    if left < SHORTEST:
        raise _timed_out(endpoint, "no time was left")
    try:
        answer = client("sagemaker-runtime", left).invoke_endpoint(
            EndpointName=endpoint, Body=body, ContentType=kind, Accept="application/json"
        )
        with closing(answer["Body"]) as stream:
            content: bytes = stream.read()
            return content
    except ClientError as error:
        raise _refusal(endpoint, error) from error
    except (ReadTimeoutError, ConnectTimeoutError) as error:
        raise _timed_out(endpoint, type(error).__name__) from error
    except (ConnectionClosedError, EndpointConnectionError) as error:
        if isinstance(error, ConnectionClosedError) and not final:
            raise
        raise _not_in_service(endpoint, type(error).__name__) from error
    except BotoCoreError as error:
        raise Refusal(
            500, "The endpoint could not be asked.", reason=type(error).__name__
        ) from error


def _refusal(endpoint: str, error: Any) -> Refusal:
    code, message = str(error.response["Error"]["Code"]), str(error.response["Error"]["Message"])
    if code == "ModelError":
        return _of_model(endpoint, error.response)
    if code in ("ValidationError", "ValidationException"):
        return _of_validation(endpoint, message)
    if code in ("ThrottlingException", "Throttling", "TooManyRequestsException"):
        text = f"The endpoint '{endpoint}' has more requests than it can take; try again."
        return Refusal(429, text, headers=BUSY, reason=code)
    if code in ("ServiceUnavailable", "ServiceUnavailableException", "ModelNotReadyException"):
        return _not_in_service(endpoint, code)
    if code.startswith(("AccessDenied", "UnrecognizedClient", "ExpiredToken")):
        return Refusal(500, "The function may not ask the endpoint.", reason=code)
    return Refusal(502, f"The endpoint '{endpoint}' failed.", reason=code)


def _of_model(endpoint: str, response: Mapping[str, Any]) -> Refusal:
    status = int(response.get("OriginalStatusCode") or 0)
    said = str(response.get("OriginalMessage") or "")
    reason = f"ModelError {status}"
    if 400 <= status < 500:
        busy = BUSY if status == 429 else None
        return Refusal(status, first_sentence(said), headers=busy, reason=reason)
    # The container's own limit of 60 seconds shows as status 0 and these words.
    if status == 504 or "timed out" in said or "timed out" in str(response.get("Message")):
        return _timed_out(endpoint, reason)
    return Refusal(502, "The model failed on this request.", reason=reason)


def _of_validation(endpoint: str, message: str) -> Refusal:
    if "not found" in message.lower() or "could not find" in message.lower():
        return Refusal(404, f"There is no endpoint '{endpoint}'.", reason="not found")
    if "inservice" in message.lower().replace(" ", ""):
        return _not_in_service(endpoint, "ValidationError")
    if "length less than or equal" in message:
        return Refusal(413, "The request is larger than the endpoint takes.", reason="length")
    return Refusal(
        502, f"The endpoint '{endpoint}' took no such request.", reason="ValidationError"
    )


def first_sentence(said: str) -> str:
    """What a model said, without all that may follow: toolkits put a traceback there."""
    lines = _message(said).strip().splitlines()
    line = "".join(character for character in (lines or [""])[0] if character.isprintable())
    found = SENTENCE.match(line.strip())
    text = found.group() if found else line.strip()
    if not text:
        return "The model refused the request."
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _message(said: str) -> str:
    """The text itself, where a server has put it into JSON."""
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return said
    for key in ("error", "message", "Message"):
        if isinstance(found, dict) and key in found:
            found = found[key]
    return found if isinstance(found, str) else ""


def _timed_out(endpoint: str, reason: str) -> Refusal:
    return Refusal(504, f"The endpoint '{endpoint}' did not answer in time.", reason=reason)


def _not_in_service(endpoint: str, reason: str) -> Refusal:
    text = f"The endpoint '{endpoint}' is not in service; try again later."
    return Refusal(503, text, headers=BUSY, reason=reason)
