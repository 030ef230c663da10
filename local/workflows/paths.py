"""JSONPath as Step Functions reads it: `$.a[0].b`, `$..x`, `$.l[1:3]`, `$.l[?(@.n > 1 && @.s)]`.

A path that can only mean one place gives its value; any other gives a list of what it found.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from local.workflows.filters import Filter, parse_filter
from local.workflows.scanning import Scanner, SyntaxFault

NAME = re.compile(r"[^.\[\](){}\s,'\"=<>!&|?*:@$]+|[\w$@-]+")
QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
INTEGER = re.compile(r"-?\d+")
SLICE = re.compile(r"(-?\d*):(-?\d*)(?::(-?\d+))?(?=\s*\])")
Step = Callable[[Any, Any], Iterator[Any]]


class NoSuchPlace(LookupError):
    """The path's one place is not there."""


@dataclass(frozen=True)
class Path:
    """A parsed path. `definite`: it can only mean one place; `indexed`: it ends with one index."""

    text: str
    steps: tuple[Step, ...]
    definite: bool
    indexed: bool

    def find(self, data: Any, root: Any = None) -> list[Any]:
        """Everything the path means in `data`, in order."""
        found = [data]
        root = data if root is None else root
        for step in self.steps:
            found = [value for node in found for value in step(node, root)]
        return found

    def read(self, data: Any) -> Any:
        """The value, or the list of values; raises NoSuchPlace."""
        found = self.find(data)
        if self.definite:
            if not found:
                raise NoSuchPlace(self.text)
            return found[0]
        if self.indexed and len(found) == 1:
            return found[0]  # AWS unpacks what one literal index has chosen
        return found


@functools.lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """A path that begins with `$`; raises SyntaxFault."""
    scanner = Scanner(text)
    scanner.expect("$")
    path = _rest(scanner, text)
    if not scanner.at_end():
        raise scanner.fault("a path cannot go on like this")
    return path


def _rest(scanner: Scanner, text: str) -> Path:
    """The steps that follow `$` or `@`."""
    steps: list[Step] = []
    definite, indexed = True, False
    while True:
        indexed_before, indexed = indexed, False
        if scanner.take(".."):
            steps.append(_descend)
            definite = False
            if scanner.peek() != "[":
                steps.append(_all if scanner.take("*") else _member(scanner.match(NAME, "a name")))
        elif scanner.take("."):
            if scanner.take("*"):
                steps.append(_all)
                definite = False
            else:
                steps.append(_member(scanner.match(NAME, "a name")))
        elif scanner.take("["):
            step, one = _bracket(scanner)
            steps.append(step)
            definite, indexed = definite and one, one and step.__name__ == "index"
            scanner.skip()
            scanner.expect("]")
        else:
            return Path(text, tuple(steps), definite, indexed_before)


def _bracket(scanner: Scanner) -> tuple[Step, bool]:
    """What stands between brackets, and whether it means one place."""
    scanner.skip()
    if scanner.take("*"):
        return _all, False
    if scanner.take("?"):
        scanner.skip()
        scanner.expect("(")
        condition = parse_filter(scanner, lambda: _rest(scanner, scanner.text))
        scanner.skip()
        scanner.expect(")")
        return _matching(condition), False
    if found := scanner.try_match(SLICE):
        return _slice(*(int(part) if part else None for part in found.groups())), False
    keys = [_key(scanner)]
    while scanner.take(","):
        scanner.skip()
        keys.append(_key(scanner))
    if len(keys) == 1:
        return (_member(keys[0]) if isinstance(keys[0], str) else _index(keys[0])), True
    steps = [_member(key) if isinstance(key, str) else _index(key) for key in keys]
    return _union(steps), False


def _key(scanner: Scanner) -> str | int:
    if found := scanner.try_match(QUOTED):
        text = found[1] if found[1] is not None else found[2]
        scanner.skip()
        return re.sub(r"\\(.)", r"\1", text)
    number = int(scanner.match(INTEGER, "an index, a quoted name, * or a filter"))
    scanner.skip()
    return number


def _member(name: str) -> Step:
    def member(node: Any, root: Any) -> Iterator[Any]:
        if isinstance(node, dict) and name in node:
            yield node[name]

    return member


def _index(number: int) -> Step:
    def index(node: Any, root: Any) -> Iterator[Any]:
        if isinstance(node, list) and -len(node) <= number < len(node):
            yield node[number]

    return index


def _slice(first: int | None, last: int | None, step: int | None = None) -> Step:
    def cut(node: Any, root: Any) -> Iterator[Any]:
        if isinstance(node, list):
            yield from node[first:last:step]

    return cut


def _union(steps: list[Step]) -> Step:
    def union(node: Any, root: Any) -> Iterator[Any]:
        for step in steps:
            yield from step(node, root)

    return union


def _matching(condition: Filter) -> Step:
    def matching(node: Any, root: Any) -> Iterator[Any]:
        items = node if isinstance(node, list) else [node] if isinstance(node, dict) else []
        for item in items:
            if condition(item, root):
                yield item

    return matching


def _all(node: Any, root: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield from node.values()
    elif isinstance(node, list):
        yield from node


def _descend(node: Any, root: Any) -> Iterator[Any]:
    yield node
    for child in _all(node, root):
        if isinstance(child, dict | list):
            yield from _descend(child, root)


__all__ = ["NoSuchPlace", "Path", "SyntaxFault", "parse_path"]
