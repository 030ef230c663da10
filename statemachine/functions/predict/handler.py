"""The function in front of the endpoint: it answers callers, and refuses what is not for them.

Boundary: an event in (payload.py says which), {"statusCode", "headers", "body"} out, whatever
happens. What is asked and answered is the matter of answering.py, of which each kind of model has
its own. Environment: ENDPOINT_NAMES and S3_BUCKETS and URL_ALLOW_LIST, separated by commas;
MAX_REQUEST_BYTES, of one image or one table.
Run the tests: `pytest tests/statemachine/functions`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from answering import answer
from limits import Deadline, Limits
from log import write_fault, write_request
from refusals import Refusal


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Lambda's entry point."""
    begun = time.monotonic()
    facts: dict[str, Any] = {"endpoint": None, "model_version": None}
    try:
        deadline, limits = Deadline(context), Limits.read(os.environ)
        response = _response(200, answer(event, limits, deadline, facts))
    except Refusal as refusal:
        facts["reason"] = refusal.reason or refusal.code
        response = _refused(refusal)
    except Exception as error:  # noqa: BLE001 - a caller sees no traceback, whatever happens
        write_fault(context.aws_request_id, error)
        response = _refused(Refusal(500, "The function failed on this request."))
    write_request(
        response["statusCode"],
        request_id=context.aws_request_id,
        milliseconds=round((time.monotonic() - begun) * 1000, 1),
        **facts,
    )
    return response


def _refused(refusal: Refusal) -> dict[str, Any]:
    error = {"code": refusal.code, "message": str(refusal)}
    return _response(refusal.status, {"error": error}, refusal.headers)


def _response(
    status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "body": json.dumps(body),
    }
