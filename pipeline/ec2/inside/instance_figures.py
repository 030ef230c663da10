"""What waits for the figures of the evaluation: the gate, its refusal, and the registration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

JOIN, JSON_GET = "Std:Join", "Std:JsonGet"


def passes(conditions: Sequence[Sequence[Any]], report: Mapping[str, Any]) -> bool:
    """Whether the first of each pair is at least the second."""
    pairs = (resolve(list(pair), report) for pair in conditions)
    return all(float(left) >= float(right) for left, right in pairs)


def resolve(value: Any, report: Mapping[str, Any]) -> Any:
    """`value` with the report's figures in it, as the pipeline's service would put them."""
    if isinstance(value, list):
        return [resolve(item, report) for item in value]
    if not isinstance(value, dict):
        return value
    if JSON_GET in value:
        return _figure(report, value[JSON_GET]["Path"])
    if JOIN in value:
        parts = resolve(value[JOIN]["Values"], report)
        texts = (part if isinstance(part, str) else json.dumps(part) for part in parts)
        return str(value[JOIN]["On"]).join(texts)
    return {key: resolve(item, report) for key, item in value.items()}


def _figure(report: Any, path: str) -> Any:
    for name in path.split("."):
        report = report[name]
    return report
