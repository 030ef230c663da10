"""Event patterns: compiled once, with AWS's refusal of what is malformed, then asked many times.

A pattern names fields; each field lists the values it may have. An event fits when every field
does. Where the event has an array, one of its elements must fit, and fields below an array must
fit within the same element.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.events.matchers import InvalidPattern, Matcher, exactly, named

LONGEST = 4096  # characters; AWS's own limit
MOST_ALTERNATIVES = 1000  # of all $or together
ABSENT = object()
Test = Callable[[Any], bool]  # of one node of the event, or ABSENT


@dataclass(frozen=True)
class Pattern:
    """A compiled pattern."""

    _test: Test

    def matches(self, event: dict[str, Any]) -> bool:
        return self._test(event)


@functools.lru_cache(maxsize=1024)
def compile_pattern(text: str) -> Pattern:
    """The pattern in `text` (JSON); raises InvalidPattern."""
    if len(text) > LONGEST:
        raise InvalidPattern(f"The pattern is longer than {LONGEST} characters")
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise InvalidPattern(f"Invalid JSON: {error}") from error
    if not isinstance(pattern, dict):
        raise InvalidPattern("Filter is not an object")
    return Pattern(_object(pattern))


def _object(pattern: dict[str, Any]) -> Test:
    if not pattern:
        raise InvalidPattern("Empty objects are not allowed")
    tests = [
        _alternatives(value) if key == "$or" else _field(key, value)
        for key, value in pattern.items()
    ]

    def fits(node: Any) -> bool:
        if isinstance(node, list):
            return any(fits(item) for item in node) if node else fits(ABSENT)
        return all(test(node) for test in tests)

    return fits


def _alternatives(patterns: Any) -> Test:
    if not isinstance(patterns, list) or not 2 <= len(patterns) <= MOST_ALTERNATIVES:
        raise InvalidPattern("$or must be an array of two or more patterns")
    if not all(isinstance(pattern, dict) for pattern in patterns):
        raise InvalidPattern("$or must be an array of objects")
    tests = [_object(pattern) for pattern in patterns]
    return lambda node: any(test(node) for test in tests)


def _field(key: str, pattern: Any) -> Test:
    if isinstance(pattern, dict):
        test = _object(pattern)
    elif isinstance(pattern, list):
        test = _values(pattern)
    else:
        raise InvalidPattern(f'"{key}" must be an object or an array')
    return lambda node: test(node.get(key, ABSENT) if isinstance(node, dict) else ABSENT)


def _values(choices: list[Any]) -> Test:
    if not choices:
        raise InvalidPattern("Empty arrays are not allowed")
    tests = [_choice(choice) for choice in choices]
    return lambda node: any(test(node) for test in tests)


def _choice(choice: Any) -> Test:
    if isinstance(choice, list):
        raise InvalidPattern("Nested arrays are not allowed")
    if not isinstance(choice, dict):
        return _any_value(exactly(choice))
    if len(choice) != 1:
        raise InvalidPattern("Only one key allowed in match expression")
    [(name, argument)] = choice.items()
    if name == "exists":
        if not isinstance(argument, bool):
            raise InvalidPattern("exists match pattern must be either true or false.")
        return lambda node: bool(_leaves(node)) is argument
    return _any_value(named(name, argument))


def _any_value(matcher: Matcher) -> Test:
    return lambda node: any(matcher(value) for value in _leaves(node))


def _leaves(node: Any) -> list[Any]:
    """The values at a field: an object has none, an array has its elements'."""
    if node is ABSENT or isinstance(node, dict):
        return []
    if isinstance(node, list):
        return [value for item in node for value in _leaves(item)]
    return [node]
