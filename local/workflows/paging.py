"""Pages of Step Functions' List… answers."""

from __future__ import annotations

from typing import Any

from local.listing import cut_page


def page_of(items: list[Any], request: dict[str, Any]) -> tuple[list[Any], dict[str, str]]:
    """One page by `maxResults` (0 and none: 100) and `nextToken`, and the answer's own token."""
    asked: dict[str, Any] = {"NextToken": request.get("nextToken", "")}
    if request.get("maxResults"):
        asked["MaxResults"] = request["maxResults"]
    page, token = cut_page(items, asked)
    return page, ({"nextToken": token} if token else {})
