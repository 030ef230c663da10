"""AWS's JSON protocols, 1.0 and 1.1: a request's body in, HTTP status and JSON answer out."""

from __future__ import annotations

import json
import logging
from typing import Any, Protocol

from local.errors import ApiError

logger = logging.getLogger(__name__)


class Answers(Protocol):
    """An API of actions by name."""

    def call(self, action: str, request: dict[str, Any]) -> dict[str, Any]: ...


def respond(service: Answers, action: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """What the service answers; no exception leaves here."""
    try:
        return 200, service.call(action, json.loads(body or b"{}"))
    except json.JSONDecodeError as error:
        return 400, _fault("SerializationException", f"The body of {action} is not JSON: {error}.")
    except ApiError as error:
        return error.status, _fault(error.code, error.message)
    except Exception as error:
        # The edge of the server: a fault of ours becomes an AWS answer, and goes to the log whole.
        logger.exception("%s failed", action)
        reason = f"The embedded AWS failed on {action}: {type(error).__name__}: {error}"
        return 500, _fault("InternalFailure", reason)


def _fault(code: str, message: str) -> dict[str, Any]:
    return {"__type": code, "message": message}
