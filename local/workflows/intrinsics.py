"""The intrinsic functions of JSONPath states: `States.Format('{}-{}', $.a, States.UUID())`."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.workflows.intrinsic_functions import FUNCTIONS, Failed
from local.workflows.scanning import Scanner, SyntaxFault

NAME = re.compile(r"States\.[A-Za-z0-9]+")
STRING = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
NUMBER = re.compile(r"-?\d+(\.\d+)?(?:[eE][+-]?\d+)?")
WORDS = {"null": None, "true": True, "false": False}
WORD = re.compile(r"(?:null|true|false)\b")
# A path within a call ends at a comma or bracket that is not in its own brackets or quotes.
PATH = re.compile(
    r"\$(?:\[(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\[[^\]]*\]|[^\]'\"\[])*\]|[^,()\[\]\s'])*"
)
Look = Callable[[str], Any]


@dataclass(frozen=True)
class Literal:
    value: Any

    def value_of(self, look: Look) -> Any:
        return self.value


@dataclass(frozen=True)
class Reference:
    path: str

    def value_of(self, look: Look) -> Any:
        return look(self.path)


@dataclass(frozen=True)
class Call:
    name: str
    arguments: tuple[Any, ...]

    def value_of(self, look: Look) -> Any:
        """The function's result; `look` gives the value of a path. Raises Failed."""
        values = [argument.value_of(look) for argument in self.arguments]
        return FUNCTIONS[self.name].run(*values)


@functools.lru_cache(maxsize=4096)
def parse_intrinsic(text: str) -> Call:
    """A call, with its arguments; raises SyntaxFault."""
    scanner = Scanner(text)
    call = _call(scanner)
    scanner.skip()
    if not scanner.at_end():
        raise scanner.fault("nothing more is expected")
    return call


def _call(scanner: Scanner) -> Call:
    scanner.skip()
    name = scanner.match(NAME, "an intrinsic function").removeprefix("States.")
    if name not in FUNCTIONS:
        raise SyntaxFault(f"States.{name} is no intrinsic function")
    scanner.skip()
    scanner.expect("(")
    arguments = _arguments(scanner)
    fewest, most = FUNCTIONS[name].arguments
    if not fewest <= len(arguments) <= most:
        raise SyntaxFault(f"States.{name} does not take {len(arguments)} arguments")
    return Call(name, tuple(arguments))


def _arguments(scanner: Scanner) -> list[Any]:
    arguments: list[Any] = []
    scanner.skip()
    while not scanner.take(")"):
        if arguments:
            scanner.expect(",")
        arguments.append(_argument(scanner))
        scanner.skip()
    return arguments


def _argument(scanner: Scanner) -> Any:
    scanner.skip()
    if found := scanner.try_match(STRING):
        # `\{` and `\}` are left to Format, which tells them from its placeholders.
        return Literal(re.sub(r"\\([^{}])", r"\1", found[1]))
    if found := scanner.try_match(WORD):
        return Literal(WORDS[found[0]])
    if found := scanner.try_match(NUMBER):
        return Literal(float(found[0]) if re.search("[.eE]", found[0]) else int(found[0]))
    if scanner.peek() == "$":
        return Reference(scanner.match(PATH, "a path"))
    return _call(scanner)


__all__ = ["Call", "Failed", "SyntaxFault", "parse_intrinsic"]
