"""AWS's binary event stream, as far as an answer in parts needs it.

A message is its length, the length of its headers and a checksum of the two, then headers, payload
and a checksum of all.
"""

from __future__ import annotations

import binascii
import struct

TEXT = 7  # the type of a header whose value is text
PART = 131_072  # bytes of an answer in one event


def payload_parts(body: bytes) -> bytes:
    """The body as PayloadPart events, at least one."""
    starts = range(0, max(len(body), 1), PART)
    return b"".join(_event("PayloadPart", body[start : start + PART]) for start in starts)


def _event(kind: str, payload: bytes) -> bytes:
    told = {
        ":message-type": "event",
        ":event-type": kind,
        ":content-type": "application/octet-stream",
    }
    headers = b"".join(_header(name, value) for name, value in told.items())
    lengths = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    message = lengths + struct.pack("!I", binascii.crc32(lengths)) + headers + payload
    return message + struct.pack("!I", binascii.crc32(message))


def _header(name: str, value: str) -> bytes:
    text = value.encode()
    return bytes([len(name)]) + name.encode() + struct.pack("!BH", TEXT, len(text)) + text
