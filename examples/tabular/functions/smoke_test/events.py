"""What the tests send beside what is known: what no caller should send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from caller import http_event
from rows import read_rows

OPENING = "first row"
NO_NUMBER = "The answer has no predictions."


def opening(endpoint: str, samples: str) -> dict[str, Any]:
    """A question that the model must answer: what columns it has, only its `samples` tell.

    Raises SamplesError.
    """
    return about(read_rows(samples)[0].record, endpoint)


def about(record: Mapping[str, float], endpoint: str) -> dict[str, Any]:
    """A plain question."""
    return {"record": dict(record), "endpoint_name": endpoint}


def fault(body: Mapping[str, Any]) -> str:
    """Why a body is no answer; empty where it is one."""
    found = body.get("predictions")
    return "" if isinstance(found, list) and len(found) == 1 else NO_NUMBER


def told(body: Mapping[str, Any]) -> str:
    """What an answer says, in a word."""
    return str((body.get("predictions") or ["nothing"])[0])


def bad_ones(endpoint: str, limit: int) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """A name, the status that is wanted, and the event; `limit` is the function's own, in bytes."""
    yield "wrong content type", 415, http_event("1,2,3", "image/jpeg")
    yield "empty body", 400, http_event("", "text/csv")
    yield "unknown column", 400, about({"no such column": 1.0}, endpoint)
    yield "text for a number", 400, http_event("one,two\nthree,four", "text/csv")
    # As text it stays below Lambda's own limit of 6 MB for every limit that may be set.
    yield "oversized table", 413, http_event("1" * (limit + 1), "text/csv")
    yield "foreign endpoint", 403, about({}, f"not-{endpoint}")
