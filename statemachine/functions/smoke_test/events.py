"""What the tests send beside what is known: a drawn image, and what no caller should send."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from caller import http_event

SIDE = 64  # pixels
OPENING = "drawn image"
LINK_LOCAL = "http://169.254.169.254/latest/meta-data/"  # where instances keep their credentials


def about(image: bytes, endpoint: str) -> dict[str, Any]:
    """A plain question."""
    return {"image": base64.b64encode(image).decode("ascii"), "endpoint_name": endpoint}


def opening(endpoint: str, samples: str) -> dict[str, Any]:
    """A question that every model must answer; it needs none of the `samples`."""
    return about(draw(), endpoint)


def fault(body: Mapping[str, Any]) -> str:
    """Why a body is no answer; empty where it is one."""
    return "" if isinstance(body.get("label"), str) else "The answer has no label."


def told(body: Mapping[str, Any]) -> str:
    """What an answer says, in a word."""
    return str(body.get("label"))


def bad_ones(endpoint: str, limit: int) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """A name, the status that is wanted, and the event; `limit` is the function's own, in bytes."""
    yield "wrong content type", 415, http_event("A picture of a dog.", "text/plain")
    yield "empty body", 400, http_event("", "image/jpeg")
    yield "text for an image", 400, about(b"This is no image.", endpoint)
    # As text it stays below Lambda's own limit of 6 MB for every limit that may be set.
    yield "oversized image", 413, http_event("x" * (limit + 1), "image/jpeg")
    yield "foreign endpoint", 403, about(draw(), f"not-{endpoint}")
    yield "link-local URL", 403, {"url": LINK_LOCAL, "endpoint_name": endpoint}


def draw() -> bytes:
    """A PNG image of a few colours, for when no other is at hand."""
    rows = (
        b"\0" + b"".join(bytes((4 * x % 256, 4 * y % 256, 128)) for x in range(SIDE))
        for y in range(SIDE)
    )
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check
