"""The rules of composite alarms: ALARM("a") AND NOT (OK(b) OR INSUFFICIENT_DATA("c"))."""

from __future__ import annotations

import re
from collections.abc import Callable

TOKEN = re.compile(r"\s*(?:(AND|OR|NOT|TRUE|FALSE)\b|([()])|(ALARM|OK|INSUFFICIENT_DATA)\s*\()")
NAME = re.compile(r'\s*(?:"([^"]+)"|([^\s")]+))\s*\)')
StateOf = Callable[[str], str]
Rule = Callable[[StateOf], bool]


class InvalidRule(ValueError):
    """The text is no rule of a composite alarm."""


def parse_rule(text: str) -> Rule:
    """Raises InvalidRule with one sentence. A rule asks for the states of alarms by name."""
    parser = _Parser(text)
    rule = parser.either()
    parser.end()
    return rule


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._at = 0

    def either(self) -> Rule:
        left = self.both()
        while self._take("OR"):
            left = _or(left, self.both())
        return left

    def both(self) -> Rule:
        left = self.single()
        while self._take("AND"):
            left = _and(left, self.single())
        return left

    def single(self) -> Rule:
        match = TOKEN.match(self._text, self._at)
        if match is None:
            raise self._error()
        word, bracket, state = match.groups()
        if state is None and bracket != "(" and word not in {"NOT", "TRUE", "FALSE"}:
            raise self._error()
        self._at = match.end()
        if state:
            return _in_state(self._name(), state)
        if bracket:
            inside = self.either()
            if not self._take(")"):
                raise self._error()
            return inside
        return _not(self.single()) if word == "NOT" else lambda states: word == "TRUE"

    def end(self) -> None:
        if self._at < len(self._text):
            raise self._error()

    def _name(self) -> str:
        match = NAME.match(self._text, self._at)
        if match is None:
            raise self._error()
        self._at = match.end()
        # An alarm may be named by its ARN.
        return (match[1] or match[2]).rpartition(":alarm:")[2]

    def _take(self, token: str) -> bool:
        match = TOKEN.match(self._text, self._at)
        if match is None or token not in (match[1], match[2]):
            return False
        self._at = match.end()
        return True

    def _error(self) -> InvalidRule:
        return InvalidRule(f"AlarmRule must not contain errors: see '{self._text[self._at :]}'.")


def _in_state(name: str, state: str) -> Rule:
    return lambda states: states(name) == state


def _not(rule: Rule) -> Rule:
    return lambda states: not rule(states)


def _and(left: Rule, right: Rule) -> Rule:
    return lambda states: left(states) and right(states)


def _or(left: Rule, right: Rule) -> Rule:
    return lambda states: left(states) or right(states)
