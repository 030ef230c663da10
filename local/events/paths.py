"""JSON paths into an event, in the part of the syntax that EventBridge takes.

`$.detail.instance-id`, `$.resources[0]`, `$.detail.items[*].name`; a wildcard gives a list.
"""

from __future__ import annotations

import re
from typing import Any

TOKEN = re.compile(r"\.(?P<name>[\w\-/]+|\*)|\[(?P<index>\d+|\*)\]|\['(?P<quoted>[^']+)'\]")
WHOLE = re.compile(r"\$(?:\.(?:[\w\-/]+|\*)|\[(?:\d+|\*)\]|\['[^']+'\])*")
MISSING = object()


def is_path(text: str) -> bool:
    """Whether `text` is a path that can be followed."""
    return WHOLE.fullmatch(text) is not None


def find(document: Any, path: str) -> Any:
    """What `path` leads to, or MISSING."""
    found = [document]
    many = False
    for token in TOKEN.finditer(path, 1):
        many = many or "*" in (token["name"], token["index"])
        found = [value for node in found for value in _step(node, token)]
    if many:
        return found
    return found[0] if found else MISSING


def _step(node: Any, token: re.Match[str]) -> list[Any]:
    name, index = token["name"] or token["quoted"], token["index"]
    if "*" in (token["name"], index):
        if isinstance(node, dict):
            return list(node.values())
        return node if isinstance(node, list) else []
    if index is not None:
        return node[int(index) : int(index) + 1] if isinstance(node, list) else []
    return [node[name]] if isinstance(node, dict) and name in node else []
