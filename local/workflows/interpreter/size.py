"""Repairs of sizes and of JSON as text."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from moto.stepfunctions.parser import quotas
from moto.stepfunctions.parser.asl.utils import encoding

from local.workflows.interpreter.replacing import replace_everywhere
from local.workflows.times import iso_8601

LARGEST = 262_144  # bytes of UTF-8


def to_json(value: Any, separators: tuple[str, str] | None = (",", ":")) -> str:
    """JSON without blanks and escapes, as AWS writes it; times in ISO 8601."""
    return json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    return iso_8601(value) if isinstance(value, datetime) else str(value)


def write_json_as_aws_does() -> None:
    """moto escapes what is not ASCII, adds blanks, and writes times with `+00:00`."""
    replace_everywhere("to_json_str", encoding.to_json_str, to_json)


def count_bytes() -> None:
    """moto counts escaped characters and blanks, and refuses the largest size that AWS allows."""

    def is_within(value: Any) -> bool:
        text = value if isinstance(value, str) else to_json(value)
        return len(text.encode()) <= LARGEST

    replace_everywhere("is_within_size_quota", quotas.is_within_size_quota, is_within)


REPAIRS = (write_json_as_aws_does, count_bytes)
