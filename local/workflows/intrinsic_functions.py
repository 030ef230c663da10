"""What each intrinsic function computes."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import random
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LONGEST_LIST = 1000
LONGEST_TEXT = 10_000
HASHES = {
    "MD5": "md5",
    "SHA-1": "sha1",
    "SHA-256": "sha256",
    "SHA-384": "sha384",
    "SHA-512": "sha512",
}
MANY = 1_000_000


class Failed(ValueError):
    """The function cannot compute a value of its arguments (States.IntrinsicFailure)."""


@dataclass(frozen=True)
class Function:
    """A function and how many arguments it takes, at least and at most."""

    compute: Callable[..., Any]
    arguments: tuple[int, int]

    def run(self, *values: Any) -> Any:
        try:
            return self.compute(*values)
        except (TypeError, ValueError, IndexError, KeyError, OverflowError) as error:
            raise Failed(str(error)) from error


def _format(template: str, *values: Any) -> str:
    rest = list(values)

    def fill(match: re.Match[str]) -> str:
        if match[0] != "{}":
            return match[0][1:]
        if not rest:
            raise Failed("States.Format has more placeholders than arguments")
        return shown(rest.pop(0))

    text = re.sub(r"\\[{}\\]|\{\}", fill, _text(template))
    if rest:
        raise Failed("States.Format has more arguments than placeholders")
    return text


def shown(value: Any) -> str:
    """A value within a text: lists and objects as Java prints its maps, which AWS does."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={shown(part)}" for key, part in value.items()) + "}"
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Failed(f"a text is expected, not {_json(value)}")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Failed(f"a list is expected, not {_json(value)}")
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Failed(f"a whole number is expected, not {_json(value)}")
    return math.floor(value + 0.5)


def _limited(value: list[Any]) -> list[Any]:
    if len(value) > LONGEST_LIST:
        raise Failed(f"a list of {len(value)} is longer than {LONGEST_LIST}")
    return value


def _partition(values: Any, size: Any) -> list[Any]:
    step = _integer(size)
    if step < 1:
        raise Failed("a chunk size of at least 1 is expected")
    items = _list(values)
    return [items[start : start + step] for start in range(0, len(items), step)]


def _range(first: Any, last: Any, step: Any) -> list[int]:
    by = _integer(step)
    if not by:
        raise Failed("a step that is not 0 is expected")
    begin, end = _integer(first), _integer(last)
    return _limited(list(range(begin, end + (1 if by > 0 else -1), by)))


def _item(values: Any, index: Any) -> Any:
    position = _integer(index)
    if not 0 <= position < len(_list(values)):
        raise Failed(f"the list has no element {position}")
    return values[position]


def _contains(values: Any, wanted: Any) -> bool:
    return any(_json(value) == _json(wanted) for value in _list(values))


def _unique(values: Any) -> list[Any]:
    return list({_json(value): value for value in _list(values)}.values())


def _encode(text: Any) -> str:
    return base64.b64encode(_short(text).encode()).decode()


def _decode(text: Any) -> str:
    return base64.b64decode(_short(text), validate=True).decode()


def _short(text: Any) -> str:
    if len(_text(text)) > LONGEST_TEXT:
        raise Failed(f"a text of {len(text)} characters is longer than {LONGEST_TEXT}")
    return str(text)


def _hash(value: Any, algorithm: Any) -> str:
    if algorithm not in HASHES:
        raise Failed(f"{algorithm} is none of {', '.join(HASHES)}")
    text = value if isinstance(value, str) else _json(value)
    return hashlib.new(HASHES[algorithm], _short(text).encode()).hexdigest()


def _merge(left: Any, right: Any, deep: Any) -> dict[str, Any]:
    if deep is not False:
        raise Failed("only shallow merging is supported: the third argument must be false")
    if not isinstance(left, dict) or not isinstance(right, dict):
        raise Failed("two objects are expected")
    return {**left, **right}


def _random(first: Any, last: Any, seed: Any = None) -> int:
    begin, end = _integer(first), _integer(last)
    if begin >= end:
        raise Failed("the first number must be less than the second")
    drawn = random.Random(_integer(seed)) if seed is not None else random  # noqa: S311
    return drawn.randrange(begin, end)


def _split(text: Any, delimiters: Any) -> list[str]:
    if not _text(delimiters):
        return [_text(text)]
    parts = re.split(f"[{re.escape(delimiters)}]", _text(text))
    return [part for part in parts if part]


FUNCTIONS = {
    "Format": Function(_format, (1, MANY)),
    "StringToJson": Function(lambda text: json.loads(_text(text)), (1, 1)),
    "JsonToString": Function(_json, (1, 1)),
    "Array": Function(lambda *values: list(values), (0, MANY)),
    "ArrayPartition": Function(_partition, (2, 2)),
    "ArrayContains": Function(_contains, (2, 2)),
    "ArrayRange": Function(_range, (3, 3)),
    "ArrayGetItem": Function(_item, (2, 2)),
    "ArrayLength": Function(lambda values: len(_list(values)), (1, 1)),
    "ArrayUnique": Function(_unique, (1, 1)),
    "Base64Encode": Function(_encode, (1, 1)),
    "Base64Decode": Function(_decode, (1, 1)),
    "Hash": Function(_hash, (2, 2)),
    "JsonMerge": Function(_merge, (3, 3)),
    "MathRandom": Function(_random, (2, 3)),
    "MathAdd": Function(lambda left, right: _integer(left) + _integer(right), (2, 2)),
    "StringSplit": Function(_split, (2, 2)),
    "UUID": Function(lambda: str(uuid.uuid4()), (0, 0)),
}
# Those that give a text, as ErrorPath and CausePath ask for.
OF_TEXT = {"Format", "JsonToString", "ArrayGetItem", "Base64Decode", "Base64Encode", "Hash", "UUID"}
