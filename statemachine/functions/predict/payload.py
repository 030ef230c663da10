"""Read what is asked: a plain payload, one with a `request_dict`, or an HTTP event.

Boundary: an event in, a question out; what is not allowed is refused before anything is fetched.

    {"image": "<base64>"}, {"s3": "s3://bucket/key"}, {"bucket": …, "key": …} or {"url": "https://…"},
    each with "top_k" and "endpoint_name" if wanted;
    {"endpoint_name": …, "request_dict": "<one of these as JSON text>"};
    an event of API Gateway (REST or HTTP API) or of a function URL, whose body is one of the two or
    the bytes of a JPEG or PNG image.
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

IMAGES = ("image/jpeg", "image/jpg", "image/png")
KEYS = ("image", "s3", "bucket", "key", "url", "top_k", "endpoint_name")
SHOWN = 40  # characters of a caller's text in a message


@dataclass(frozen=True)
class S3Object:
    """An image in an allowed bucket."""

    bucket: str
    key: str


@dataclass(frozen=True)
class Address:
    """An image in the web; whether it may be fetched is seen when it is."""

    url: str


@dataclass(frozen=True)
class Question:
    """An image, or where it lies, and the endpoint that is to classify it.

    `top_k` None leaves the number of labels to the model.
    """

    endpoint: str
    image: bytes | S3Object | Address
    top_k: int | None = None


def read_question(event: Any, limits: Limits) -> Question:
    """Raises Refusal for what is no question, or one that is not allowed."""
    if isinstance(event, dict) and (method := _method(event)):
        return _from_http(event, method, limits)
    return _from_document(event, limits)


def _method(event: Mapping[str, Any]) -> str:
    """The HTTP method of an event; empty for a direct invocation."""
    if "httpMethod" in event:  # REST API
        return str(event["httpMethod"])
    about = event.get("requestContext")
    http = about.get("http") if isinstance(about, dict) else None
    return str(http.get("method")) if isinstance(http, dict) else ""


def _from_http(event: Mapping[str, Any], method: str, limits: Limits) -> Question:
    if method != "POST":
        raise Refusal(405, "Only POST is answered.", headers={"Allow": "POST"})
    kind = _content_type(event)
    if kind in IMAGES:
        return Question(limits.endpoints[0], _binary(event, limits))
    if kind != "application/json":
        raise Refusal(
            415,
            f"The content type {_shown(kind)} is not taken; "
            "send image/jpeg, image/png or application/json.",
        )
    body = event.get("body") or ""
    text = _decoded(body, "The body") if event.get("isBase64Encoded") else body
    if not text:
        raise Refusal(400, "The body is empty.")
    return _from_document(_parsed(text, "The body"), limits)


def _content_type(event: Mapping[str, Any]) -> str:
    headers = event.get("headers")
    found = headers.items() if isinstance(headers, dict) else ()
    named = {str(name).lower(): str(value) for name, value in found}
    return named.get("content-type", "").partition(";")[0].strip().lower()


def _binary(event: Mapping[str, Any], limits: Limits) -> bytes:
    """The image that is the body itself."""
    body, encoded = str(event.get("body") or ""), event.get("isBase64Encoded")
    if not body:
        raise Refusal(400, "The body is empty.")
    if encoded:
        return _image(body, "The body", limits)
    if len(body) > limits.bytes:
        raise _too_large(limits)
    raise Refusal(
        400,
        "The image arrived as text, and so damaged; "
        "the API must name image/jpeg and image/png as binary media types.",
    )


def _from_document(document: Any, limits: Limits) -> Question:
    if not isinstance(document, dict):
        raise Refusal(400, 'The payload must be an object such as {"image": "<base64>"}.')
    if "request_dict" not in document:
        return _plain(document, limits)
    _check_keys(document, ("endpoint_name", "request_dict"))
    inner = document["request_dict"]
    if isinstance(inner, str):
        inner = _parsed(inner, "request_dict")
    if not isinstance(inner, dict):
        raise Refusal(400, 'request_dict must be an object such as {"url": "https://…"}.')
    outer = {key: value for key, value in document.items() if key != "request_dict"}
    return _plain({**inner, **outer}, limits)


def _plain(document: Mapping[str, Any], limits: Limits) -> Question:
    _check_keys(document, KEYS)
    endpoint = document.get("endpoint_name", limits.endpoints[0])
    if not isinstance(endpoint, str):
        raise Refusal(400, "endpoint_name is not a text.")
    if endpoint not in limits.endpoints:
        raise Refusal(403, f"The endpoint {_shown(endpoint)} is not served here.")
    top_k = document.get("top_k")
    if top_k is not None and (isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1):
        raise Refusal(400, "top_k must be a whole number from 1.")
    return Question(endpoint, _source(document, limits), top_k)


def _source(document: Mapping[str, Any], limits: Limits) -> bytes | S3Object | Address:
    given = [key for key in ("image", "s3", "url") if key in document]
    if "bucket" in document or "key" in document:
        given.append("bucket")
    if len(given) != 1:
        raise Refusal(400, "Give exactly one of image, s3, bucket with key, and url.")
    if given == ["image"]:
        return _image(document["image"], "image", limits)
    if given == ["url"]:
        if not isinstance(document["url"], str):
            raise Refusal(400, "url is not a text.")
        return Address(document["url"])
    place = document["s3"] if given == ["s3"] else {k: document.get(k) for k in ("bucket", "key")}
    return _s3(place, limits)


def _s3(place: Any, limits: Limits) -> S3Object:
    if isinstance(place, str) and place.startswith("s3://"):
        bucket, _, key = place.removeprefix("s3://").partition("/")
        place = {"bucket": bucket, "key": key}
    if not isinstance(place, dict) or set(place) != {"bucket", "key"}:
        raise Refusal(400, "s3 must be s3://bucket/key, or an object with bucket and key.")
    if not all(isinstance(text, str) and text for text in place.values()):
        raise Refusal(400, "bucket and key must be texts that are not empty.")
    if place["bucket"] not in limits.buckets:
        raise Refusal(403, f"The bucket {_shown(place['bucket'])} is not read from here.")
    return S3Object(place["bucket"], place["key"])


def _image(text: Any, name: str, limits: Limits) -> bytes:
    # Four characters hold three bytes: what is too long is not decoded first.
    if isinstance(text, str) and len(text) * 3 // 4 > limits.bytes + 2:
        raise _too_large(limits)
    data = _decoded(text, name)
    if not data:
        raise Refusal(400, f"{name} is empty.")
    if len(data) > limits.bytes:
        raise _too_large(limits)
    return data


def _too_large(limits: Limits) -> Refusal:
    return Refusal(413, f"The image is larger than {limits.bytes} bytes.")


def _decoded(text: Any, name: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (AttributeError, UnicodeError, binascii.Error):
        raise Refusal(400, f"{name} is not base64 text.") from None


def _parsed(text: Any, name: str) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise Refusal(400, f"{name} is not JSON.") from None


def _check_keys(document: Mapping[str, Any], known: tuple[str, ...]) -> None:
    if unknown := sorted(set(document) - set(known)):
        raise Refusal(400, f"The key {_shown(unknown[0])} is not known; use {', '.join(known)}.")


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")
