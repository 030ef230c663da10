"""List… requests: SageMaker's common filters, order and pages over stored documents."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.errors import validation_error
from local.store import Document

DEFAULT_PAGE = 100


@dataclass(frozen=True)
class Listing:
    """How one List… action reads its documents.

    `answer` is the key of the list in the response; the others name the document's own fields.
    """

    answer: str
    name: str
    summary: tuple[str, ...]
    status: str = ""
    created: str = "CreationTime"
    modified: str = "LastModifiedTime"
    default_order: str = "Descending"

    def respond(self, documents: list[Document], request: dict[str, Any]) -> dict[str, Any]:
        """Filter, sort and cut `documents` (in order of creation) as the request asks."""
        chosen = [d for d in documents if self._accepts(d, request)]
        descending = request.get("SortOrder", self.default_order) == "Descending"
        chosen.sort(key=self._sort_key(request.get("SortBy", "CreationTime")))
        if descending:
            chosen.reverse()
        page, token = cut_page(chosen, request)
        answer: dict[str, Any] = {self.answer: [self._summarise(d) for d in page]}
        return answer | ({"NextToken": token} if token else {})

    def _accepts(self, document: Document, request: dict[str, Any]) -> bool:
        checks: dict[str, Callable[[Any], bool]] = {
            "NameContains": lambda text: text.lower() in str(document[self.name]).lower(),
            "StatusEquals": lambda status: document.get(self.status) == status,
            "CreationTimeAfter": lambda time: document[self.created] >= time,
            "CreationTimeBefore": lambda time: document[self.created] <= time,
            "CreatedAfter": lambda time: document[self.created] >= time,
            "CreatedBefore": lambda time: document[self.created] <= time,
            "LastModifiedTimeAfter": lambda time: document[self.modified] >= time,
            "LastModifiedTimeBefore": lambda time: document[self.modified] <= time,
        }
        return all(check(request[key]) for key, check in checks.items() if key in request)

    def _sort_key(self, sort_by: str) -> Callable[[Document], Any]:
        if sort_by == "Name":
            return lambda document: document[self.name]
        if sort_by == "Status":
            return lambda document: document.get(self.status, "")
        return lambda document: document.get(self.created, 0)

    def _summarise(self, document: Document) -> Document:
        return {key: document[key] for key in self.summary if key in document}


def cut_page(items: list[Any], request: dict[str, Any]) -> tuple[list[Any], str]:
    """One page of `items` by the request's MaxResults and NextToken, and the next token or ""."""
    start = _position(request.get("NextToken", ""))
    size = int(request.get("MaxResults", DEFAULT_PAGE))
    more = start + size < len(items)
    token = base64.urlsafe_b64encode(str(start + size).encode()).decode() if more else ""
    return items[start : start + size], token


def _position(token: str) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error) as error:
        raise validation_error(
            f"NextToken '{token}' was not given by this service; leave it out to start again."
        ) from error
