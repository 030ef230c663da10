"""JSONata as Step Functions has it: the language, and the functions that AWS adds to it."""

from __future__ import annotations

import hashlib
import json
import random
import uuid
from collections.abc import Mapping
from typing import Any

from jsonata import JException, Jsonata, Utils

from local.workflows.intrinsic_functions import HASHES


class Undefined(Exception):
    """The expression has no value."""


class Failed(Exception):
    """The expression cannot be evaluated; the message says why."""


def evaluate(expression: str, bindings: Mapping[str, Any]) -> Any:
    """The value of an expression without its `{% %}`; raises Undefined and Failed."""
    try:
        compiled = Jsonata(expression)
        compiled.set_output_convert_nulls(False)
        for name, function in FUNCTIONS.items():
            compiled.register_lambda(name, function)
        value = compiled.evaluate(None, {key: _bound(part) for key, part in bindings.items()})
    except (JException, ValueError, TypeError, RecursionError) as error:
        raise Failed(f"{type(error).__name__}: {error}") from error
    if value is None:
        raise Undefined
    return _plain(value)


def _bound(value: Any) -> Any:
    """JSON's null is a value of its own in JSONata, unlike what is undefined."""
    if value is None:
        return Utils.NULL_VALUE
    if isinstance(value, dict):
        return {key: _bound(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_bound(part) for part in value]
    return value


def _plain(value: Any) -> Any:
    """The result as JSON: whole numbers without a point, functions refused."""
    if value is Utils.NULL_VALUE:
        return None
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | range):
        return [_plain(part) for part in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if Utils.is_function(value):
        raise Failed("The result is a function, which is no JSON.")
    return value


def _partition(array: list[Any], size: float) -> list[list[Any]]:
    step = int(size)
    if step < 1:
        raise ValueError("$partition asks for a chunk size of at least 1")
    return [list(array[start : start + step]) for start in range(0, len(array), step)]


def _range(first: float, last: float, step: float) -> list[float]:
    if not step:
        raise ValueError("$range asks for a step that is not 0")
    count = int((last - first) // step) + 1
    return [first + step * index for index in range(max(0, count))]


def _hash(data: str, algorithm: str) -> str:
    if algorithm not in HASHES:
        raise ValueError(f"$hash does not know {algorithm}; it knows {', '.join(HASHES)}")
    return hashlib.new(HASHES[algorithm], str(data).encode()).hexdigest()


def _random(seed: Any = None) -> float:
    return random.Random(seed).random() if seed is not None else random.random()  # noqa: S311


def _uuid() -> str:
    return str(uuid.uuid4())


def _parse(text: str) -> Any:
    return _bound(json.loads(text))


def _eval(*arguments: Any) -> Any:
    raise ValueError("$eval is not available in Step Functions; use $parse for JSON")


FUNCTIONS = {
    "partition": _partition,
    "range": _range,
    "hash": _hash,
    "random": _random,
    "uuid": _uuid,
    "parse": _parse,
    "eval": _eval,
}
