"""Ask the running server what no AWS has: one of its private routes, as JSON."""

from __future__ import annotations

import http.client
import json
from typing import Any

from local.connection import HOST, Connection

TIMEOUT = 60  # seconds


class Refused(Exception):
    """The server did not do it; the message is its reason."""


def ask(connection: Connection, route: str, request: dict[str, Any]) -> dict[str, Any]:
    """The server's answer. Raises Refused, also when it does not answer at all."""
    scope = f"{connection.access_key}/19700101/{connection.region}/breedline/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}"}
    client = http.client.HTTPConnection(HOST, connection.port, timeout=TIMEOUT)
    try:
        client.request("POST", route, json.dumps(request), headers)
        response = client.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Refused(f"The local server did not answer: {error}") from error
    finally:
        client.close()
    if response.status != http.client.OK:
        raise Refused(str(answer.get("message", answer)))
    return answer
