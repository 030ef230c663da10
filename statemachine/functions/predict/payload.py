"""Read what is asked: a plain payload, one with a `request_dict`, or an HTTP event.

Boundary: an event in, a question out; what is not allowed is refused before anything is fetched.

    {"image": "<base64>"}, {"s3": "s3://bucket/key"}, {"bucket": …, "key": …} or {"url": "https://…"},
    each with "top_k" and "endpoint_name" if wanted;
    {"endpoint_name": …, "request_dict": "<one of these as JSON text>"};
    an event of API Gateway (REST or HTTP API) or of a function URL, whose body is one of the two or
    the bytes of a JPEG or PNG image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envelope import Posted, check_keys, decoded, endpoint_of, parsed, posted, shown, unwrapped
from limits import Limits
from refusals import Refusal

IMAGES = ("image/jpeg", "image/jpg", "image/png")
KEYS = ("image", "s3", "bucket", "key", "url", "top_k", "endpoint_name")
EXAMPLE = '{"image": "<base64>"}'


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
    if http := posted(event):
        return _from_http(http, limits)
    return _plain(unwrapped(event, EXAMPLE), limits)


def _from_http(http: Posted, limits: Limits) -> Question:
    if http.content_type in IMAGES:
        return Question(limits.endpoints[0], _binary(http, limits))
    if http.content_type != "application/json":
        raise Refusal(
            415,
            f"The content type {shown(http.content_type)} is not taken; "
            "send image/jpeg, image/png or application/json.",
        )
    return _plain(unwrapped(parsed(http.text(), "The body"), EXAMPLE), limits)


def _binary(http: Posted, limits: Limits) -> bytes:
    """The image that is the body itself."""
    if not http.body:
        raise Refusal(400, "The body is empty.")
    if http.is_encoded:
        return _image(http.body, "The body", limits)
    if len(http.body) > limits.bytes:
        raise _too_large(limits)
    raise Refusal(
        400,
        "The image arrived as text, and so damaged; "
        "the API must name image/jpeg and image/png as binary media types.",
    )


def _plain(document: Mapping[str, Any], limits: Limits) -> Question:
    check_keys(document, KEYS)
    endpoint = endpoint_of(document, limits)
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
        raise Refusal(403, f"The bucket {shown(place['bucket'])} is not read from here.")
    return S3Object(place["bucket"], place["key"])


def _image(text: Any, name: str, limits: Limits) -> bytes:
    # Four characters hold three bytes: what is too long is not decoded first.
    if isinstance(text, str) and len(text) * 3 // 4 > limits.bytes + 2:
        raise _too_large(limits)
    data = decoded(text, name)
    if not data:
        raise Refusal(400, f"{name} is empty.")
    if len(data) > limits.bytes:
        raise _too_large(limits)
    return data


def _too_large(limits: Limits) -> Refusal:
    return Refusal(413, f"The image is larger than {limits.bytes} bytes.")
