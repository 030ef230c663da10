"""Fetch an image from where a question says it lies: an allowed bucket or an allowed host."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    ReadTimeoutError,
)
from clients import client
from limits import Deadline, Limits
from payload import Address, S3Object
from refusals import Refusal
from remote_images import SECONDS, FetchError, fetch

KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
ATTEMPTS = 2  # at an object
# S3 says the second where the role may not list the bucket: ours may not, and need not.
ABSENT = ("NoSuchKey", "AccessDenied", "404", "403")


def read_image(place: bytes | S3Object | Address, limits: Limits, deadline: Deadline) -> bytes:
    """The bytes of the image, at most `limits.bytes`. Raises Refusal."""
    if isinstance(place, bytes):
        return place
    # At least half of the time is the endpoint's.
    patience = min(SECONDS, deadline.left() / 2)
    if isinstance(place, Address):
        return _from_web(place.url, limits, patience)
    data = _from_bucket(place, limits, patience)
    if not data:
        raise Refusal(400, "The object is empty.")
    return data


def kind_of(image: bytes) -> str:
    """The content type that the first bytes tell; empty when it is another than JPEG and PNG."""
    return next((kind for begin, kind in KINDS.items() if image.startswith(begin)), "")


def _from_web(url: str, limits: Limits, patience: float) -> bytes:
    try:
        data = fetch(url, limits.hosts, limits.bytes, patience)
    except FetchError as error:
        raise Refusal(error.status, str(error)) from None
    if not kind_of(data):
        raise Refusal(415, "What lies at the URL is neither a JPEG nor a PNG image.")
    return data


def _from_bucket(place: S3Object, limits: Limits, patience: float) -> bytes:
    s3 = client("s3", patience / ATTEMPTS, ATTEMPTS)
    try:
        found = s3.get_object(Bucket=place.bucket, Key=place.key)
        with closing(found["Body"]) as body:
            if found["ContentLength"] > limits.bytes:
                raise Refusal(413, f"The image is larger than {limits.bytes} bytes.")
            data: bytes = body.read()
            return data
    except ClientError as error:
        raise _s3_refusal(error, place) from error
    except (ReadTimeoutError, ConnectTimeoutError) as error:
        raise Refusal(504, "S3 did not answer in time.", reason=type(error).__name__) from error
    except BotoCoreError as error:
        raise Refusal(502, "The image could not be read.", reason=type(error).__name__) from error


def _s3_refusal(error: Any, place: S3Object) -> Refusal:
    code = str(error.response["Error"]["Code"])
    if code in ABSENT:
        message = f"There is no object in {place.bucket} under this key that may be read."
        return Refusal(404, message, reason=code)
    return Refusal(502, "The image could not be read.", reason=code)
