"""One request to an endpoint and what its container answers, as values."""

from __future__ import annotations

from dataclasses import dataclass

ANY = "*/*"
BYTES = "application/octet-stream"


@dataclass(frozen=True)
class Invocation:
    """What a client asks; empty texts stand for headers that were not sent."""

    endpoint: str
    body: bytes
    content_type: str = BYTES
    accept: str = ANY
    custom_attributes: str = ""
    target_variant: str = ""
    inference_id: str = ""


@dataclass(frozen=True)
class Reply:
    """What a container answered, with any status; `seconds` is the time that it took."""

    status: int
    body: bytes
    content_type: str
    custom_attributes: str
    seconds: float


@dataclass(frozen=True)
class Answer:
    """A reply with the variant whose instance gave it."""

    reply: Reply
    variant: str


class InstanceGone(Exception):
    """The instance's process ended, or was stopped, before it answered."""


class ModelTimedOut(Exception):
    """The instance did not answer within the time limit; its request goes on unheard."""


class StartFailed(Exception):
    """An instance did not become healthy; the message is the reason, in one sentence."""
