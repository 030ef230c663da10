"""Read a question about rows of a table.

Boundary: an event in, the endpoint's request out. Whether the columns are right, the model knows:
its refusals are passed on.

    {"record": {"rooms": 5.1, …}}, {"records": [{…}, …]} or {"csv": "<rows, perhaps a header>"},
    each with "endpoint_name" if wanted;
    {"endpoint_name": …, "request_dict": "<one of these as JSON text>"};
    an event of API Gateway (REST or HTTP API) or of a function URL, whose body is one of the two or
    text/csv.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envelope import Posted, check_keys, endpoint_of, parsed, posted, shown, unwrapped
from limits import Limits
from refusals import Refusal

CSV, JSON = "text/csv", "application/json"
ROWS = ("record", "records", "csv")
EXAMPLE = '{"records": [{…}]}'


@dataclass(frozen=True)
class Question:
    """The endpoint that is asked, and the body of the request to it."""

    endpoint: str
    body: bytes
    content_type: str


def read_question(event: Any, limits: Limits) -> Question:
    """Raises Refusal for what is no question, or one that is not allowed."""
    http = posted(event)
    question = _from_http(http, limits) if http else _plain(unwrapped(event, EXAMPLE), limits)
    if len(question.body) > limits.bytes:
        raise Refusal(413, f"The table is larger than {limits.bytes} bytes.")
    return question


def _from_http(http: Posted, limits: Limits) -> Question:
    if http.content_type == CSV:
        return Question(limits.endpoints[0], http.text().encode(), CSV)
    if http.content_type == JSON:
        return _plain(unwrapped(parsed(http.text(), "The body"), EXAMPLE), limits)
    raise Refusal(
        415,
        f"The content type {shown(http.content_type)} is not taken; send {JSON} or {CSV}.",
    )


def _plain(document: Mapping[str, Any], limits: Limits) -> Question:
    check_keys(document, (*ROWS, "endpoint_name"))
    endpoint = endpoint_of(document, limits)
    given = [key for key in ROWS if key in document]
    if len(given) != 1:
        raise Refusal(400, "Give exactly one of record, records and csv.")
    value = document[given[0]]
    if given != ["csv"]:
        return Question(endpoint, json.dumps({given[0]: value}).encode(), JSON)
    if not isinstance(value, str) or not value.strip():
        raise Refusal(400, "csv must be a text with rows.")
    return Question(endpoint, value.encode("utf-8", "replace"), CSV)
