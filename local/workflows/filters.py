"""The conditions of JSONPath filters: `@.price < 10 && @.kind in ['dog', 'cat']`."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from typing import Any, Protocol

from local.workflows.scanning import Scanner

Filter = Callable[[Any, Any], bool]
Operand = Callable[[Any, Any], Any]
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
WORD = re.compile(r"(?:true|false|null)\b")
REGEX = re.compile(r"/((?:[^/\\]|\\.)*)/(i?)")
OPERATOR = re.compile(r"==|!=|<=|>=|<|>|=~|in\b|nin\b|contains\b|size\b|empty\b")
NOTHING = object()  # a place that is not there


class Place(Protocol):
    """A path within the condition."""

    @property
    def definite(self) -> bool: ...

    def find(self, data: Any, root: Any = None) -> list[Any]: ...


def parse_filter(scanner: Scanner, rest: Callable[[], Place]) -> Filter:
    """The condition up to its closing bracket; `rest` parses what follows `@` or `$`."""
    return _Conditions(scanner, rest).any_of()


class _Conditions:
    """Reads conditions, `||` before `&&` before `!`."""

    def __init__(self, scanner: Scanner, rest: Callable[[], Place]) -> None:
        self._scanner = scanner
        self._rest = rest

    def any_of(self) -> Filter:
        parts = [self._all_of()]
        while self._takes("||"):
            parts.append(self._all_of())
        return lambda item, root: any(part(item, root) for part in parts)

    def _all_of(self) -> Filter:
        parts = [self._one()]
        while self._takes("&&"):
            parts.append(self._one())
        return lambda item, root: all(part(item, root) for part in parts)

    def _one(self) -> Filter:
        if self._takes("!"):
            denied = self._one()
            return lambda item, root: not denied(item, root)
        if self._takes("("):
            inner = self.any_of()
            self._scanner.skip()
            self._scanner.expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Filter:
        left = self._operand()
        self._scanner.skip()
        found = self._scanner.try_match(OPERATOR)
        if found is None:
            return lambda item, root: left(item, root) is not NOTHING
        compare, right = COMPARISONS[found[0]], self._operand()
        return lambda item, root: compare(left(item, root), right(item, root))

    def _operand(self) -> Operand:
        scanner = self._scanner
        scanner.skip()
        if scanner.take("@"):
            return _reader(self._rest(), of_root=False)
        if scanner.take("$"):
            return _reader(self._rest(), of_root=True)
        if found := scanner.try_match(REGEX):
            pattern = re.compile(found[1], re.IGNORECASE if found[2] else 0)
            return lambda item, root: pattern
        value = self._literal()
        return lambda item, root: value

    def _literal(self) -> Any:
        scanner = self._scanner
        if found := scanner.try_match(QUOTED):
            text = found[1] if found[1] is not None else found[2]
            return re.sub(r"\\(.)", r"\1", text)
        if found := scanner.try_match(WORD):
            return json.loads(found[0])
        if scanner.take("["):
            return self._list()
        return json.loads(scanner.match(NUMBER, "a value or a path"))

    def _list(self) -> list[Any]:
        values = []
        while not self._takes("]"):
            self._scanner.skip()
            values.append(self._literal())
            self._takes(",")
        return values

    def _takes(self, word: str) -> bool:
        self._scanner.skip()
        return self._scanner.take(word)


def _reader(path: Place, of_root: bool) -> Operand:
    def read(item: Any, root: Any) -> Any:
        found = path.find(root if of_root else item, root)
        if path.definite:
            return found[0] if found else NOTHING
        return found or NOTHING

    return read


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def ordered(left: Any, right: Any) -> bool:
        numbers = _is_number(left) and _is_number(right)
        texts = isinstance(left, str) and isinstance(right, str)
        return (numbers or texts) and compare(left, right)

    return ordered


def _equal(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "=~": lambda left, right: isinstance(left, str) and bool(right.fullmatch(left)),
    "in": lambda left, right: any(_equal(left, value) for value in right),
    "nin": lambda left, right: not any(_equal(left, value) for value in right),
    "contains": lambda left, right: isinstance(left, list | str) and right in left,
    "size": lambda left, right: isinstance(left, list | str) and len(left) == right,
    "empty": lambda left, right: isinstance(left, list | str) and (not left) == right,
}
