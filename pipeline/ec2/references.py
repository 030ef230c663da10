"""The definition language's references, as far as they are known before anything has run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

GET, JOIN, JSON_GET = "Get", "Std:Join", "Std:JsonGet"


def reduce(value: Any, known: Callable[[str], Any]) -> Any:
    """`value` with each `Get` replaced by what `known` says of it, and joined where all is known.

    Figures of the evaluation stay `{"Std:JsonGet": {"Path": …}}`: the instance measures them.
    """
    if isinstance(value, list):
        return [reduce(item, known) for item in value]
    if not isinstance(value, dict):
        return value
    if GET in value:
        return known(value[GET])
    if JSON_GET in value:
        return {JSON_GET: {"Path": value[JSON_GET]["Path"]}}
    if JOIN in value:
        return _join(value[JOIN], known)
    return {key: reduce(item, known) for key, item in value.items()}


def _join(join: dict[str, Any], known: Callable[[str], Any]) -> Any:
    parts = reduce(join["Values"], known)
    if any(isinstance(part, dict) for part in parts):
        return {JOIN: {"On": join["On"], "Values": parts}}
    texts = (part if isinstance(part, str) else json.dumps(part) for part in parts)
    return str(join["On"]).join(texts)
