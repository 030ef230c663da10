"""What a request comes wrapped in: an HTTP event, or a plain payload, perhaps with a request_dict.

Boundary: an event in, a body or a document out; what the document may ask is payload.py's matter.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from limits import Limits
from refusals import Refusal

SHOWN = 40  # characters of a caller's text in a message


@dataclass(frozen=True)
class Posted:
    """What a caller has posted; `is_encoded`: the body is base64 text."""

    content_type: str
    body: str
    is_encoded: bool

    def text(self) -> str:
        """The body as text. Raises Refusal when it is empty, or none."""
        if not self.is_encoded or not self.body:
            found = self.body
        else:
            try:
                found = decoded(self.body, "The body").decode("utf-8")
            except UnicodeDecodeError:
                raise Refusal(400, "The body is not text in UTF-8.") from None
        if not found:
            raise Refusal(400, "The body is empty.")
        return found


def posted(event: Any) -> Posted | None:
    """The request in an event of API Gateway or of a function URL; None for any other event.

    Raises Refusal for another method than POST.
    """
    method = _method(event) if isinstance(event, dict) else ""
    if not method:
        return None
    if method != "POST":
        raise Refusal(405, "Only POST is answered.", headers={"Allow": "POST"})
    return Posted(
        _content_type(event), str(event.get("body") or ""), bool(event.get("isBase64Encoded"))
    )


def unwrapped(document: Any, example: str) -> Mapping[str, Any]:
    """A payload, with what its `request_dict` asks. Raises Refusal when it is no object."""
    if not isinstance(document, dict):
        raise Refusal(400, f"The payload must be an object such as {example}.")
    if "request_dict" not in document:
        return document
    check_keys(document, ("endpoint_name", "request_dict"))
    inner = document["request_dict"]
    if isinstance(inner, str):
        inner = parsed(inner, "request_dict")
    if not isinstance(inner, dict):
        raise Refusal(400, f"request_dict must be an object such as {example}.")
    outer = {key: value for key, value in document.items() if key != "request_dict"}
    return {**inner, **outer}


def endpoint_of(document: Mapping[str, Any], limits: Limits) -> str:
    """The endpoint that a payload names, or the default one. Raises Refusal."""
    endpoint = document.get("endpoint_name", limits.endpoints[0])
    if not isinstance(endpoint, str):
        raise Refusal(400, "endpoint_name is not a text.")
    if endpoint not in limits.endpoints:
        raise Refusal(403, f"The endpoint {shown(endpoint)} is not served here.")
    return endpoint


def decoded(text: Any, name: str) -> bytes:
    """The bytes of base64 text. Raises Refusal."""
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (AttributeError, UnicodeError, binascii.Error):
        raise Refusal(400, f"{name} is not base64 text.") from None


def parsed(text: Any, name: str) -> Any:
    """What JSON text says. Raises Refusal."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise Refusal(400, f"{name} is not JSON.") from None


def check_keys(document: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Raises Refusal for a key that is not `known`."""
    if unknown := sorted(set(document) - set(known)):
        raise Refusal(400, f"The key {shown(unknown[0])} is not known; use {', '.join(known)}.")


def shown(text: str) -> str:
    """A caller's text as a message repeats it."""
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def _method(event: Mapping[str, Any]) -> str:
    """The HTTP method of an event; empty for a direct invocation."""
    if "httpMethod" in event:  # REST API
        return str(event["httpMethod"])
    about = event.get("requestContext")
    http = about.get("http") if isinstance(about, dict) else None
    return str(http.get("method")) if isinstance(http, dict) else ""


def _content_type(event: Mapping[str, Any]) -> str:
    headers = event.get("headers")
    found = headers.items() if isinstance(headers, dict) else ()
    named = {str(name).lower(): str(value) for name, value in found}
    return named.get("content-type", "").partition(";")[0].strip().lower()
