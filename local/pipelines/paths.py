"""Paths into JSON documents, as property references and Std:JsonGet write them.

`a.b`, `a['b']`, `a["b"]`, `a[0]` and a leading `$.` are understood. Lists whose items carry a name
(`OutputName`, `InputName`, `ChannelName`, …) can be entered by that name, as AWS allows for
`ProcessingOutputConfig.Outputs['splits']`.
"""

from __future__ import annotations

import re
from typing import Any

Key = str | int

TOKEN = re.compile(
    r"""\.?(?P<name>[^.\[\]'"]+)   |   \[(?P<index>\d+)\]
      | \['(?P<single>[^']*)'\]    |   \["(?P<double>[^"]*)"\]""",
    re.VERBOSE,
)
ITEM_NAMES = ("OutputName", "InputName", "ChannelName", "Name", "DefinitionName", "MetricName")


class PathFault(Exception):
    """A path is malformed, or leads nowhere in the document; the message is one sentence."""


def parse_path(text: str) -> tuple[Key, ...]:
    """The keys and indices of a path, outermost first; raises PathFault."""
    keys: list[Key] = []
    rest = text.removeprefix("$")
    position = 0
    while position < len(rest):
        match = TOKEN.match(rest, position)
        if match is None:
            raise PathFault(f"The path '{text}' cannot be read at '{rest[position:]}'.")
        keys.append(_key(match))
        position = match.end()
    if not keys:
        raise PathFault(f"The path '{text}' is empty.")
    return tuple(keys)


def _key(match: re.Match[str]) -> Key:
    if match["index"] is not None:
        return int(match["index"])
    return next(match[group] for group in ("name", "single", "double") if match[group] is not None)


def look_up(document: Any, keys: tuple[Key, ...], what: str) -> Any:
    """The value at `keys`; raises PathFault that says how far `what` goes and what is there."""
    found = document
    for depth, key in enumerate(keys):
        try:
            found = _enter(found, key)
        except LookupError:
            raise PathFault(_lost(what, keys, depth, found)) from None
    return found


def _enter(found: Any, key: Key) -> Any:
    if isinstance(found, dict):
        return found[key]
    if isinstance(found, list) and isinstance(key, int):
        return found[key]
    if isinstance(found, list):
        for item in found:
            if isinstance(item, dict) and key in (item.get(name) for name in ITEM_NAMES):
                return item
    raise LookupError(key)


def _lost(what: str, keys: tuple[Key, ...], depth: int, found: Any) -> str:
    here = format_path(keys[:depth]) or "its top"
    missing = f"{what} has no {keys[depth]!r} at {here}"
    if isinstance(found, dict):
        return f"{missing}; it has {', '.join(map(str, found)) or 'nothing'} there."
    if isinstance(found, list):
        return f"{missing}; there is a list of {len(found)}."
    return f"{missing}; there is the plain value {found!r}."


def format_path(keys: tuple[Key, ...]) -> str:
    """Keys as a path again, for messages."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
