"""The expressions of metric math: model - FILL(rejected, 0).

`parse_math` reads the part of the language that is evaluated and refuses the rest by name. The
kinds of all values are known when an expression is read, so that none fails when it is evaluated.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from local.alarms.math_values import Value, Window, across, choose, fill, pointwise

NUMBER, SERIES, ARRAY = "a number", "a time series", "an array"
LONGEST = 1024  # characters
DEEPEST = 60  # operations within each other; evaluation recurses
TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<id>[a-z]\w*)|(?P<name>[A-Z]\w*)"
    r"|(?P<sign><=|>=|==|!=|&&|\|\||[-+*/^<>(),\[\]]))",
    re.ASCII,
)
COMPARISONS: dict[str, Callable[[float, float], float]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
SUMS = {"+": operator.add, "-": operator.sub}
PRODUCTS = {"*": operator.mul, "/": operator.truediv}
ALONE: dict[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
FOLDS: dict[str, Callable[[list[float]], float]] = {
    "MAX": max,
    "MIN": min,
    "SUM": sum,
    "AVG": lambda values: sum(values) / len(values),
}


class InvalidMath(ValueError):
    """The text is no expression of metric math, or one that is not evaluated."""


@dataclass(frozen=True)
class Expression:
    """What an expression gives, and how."""

    kind: str
    evaluate: Callable[[Window], Value]
    depth: int = 1


@dataclass(frozen=True)
class Scope:
    """What an expression may name: other metrics and expressions by their ids."""

    resolve: Callable[[str], Expression]
    metrics: Mapping[str, Expression]  # those that are measured
    period: int


def parse_math(text: str, scope: Scope) -> Expression:
    """Raises InvalidMath with one sentence."""
    if len(text) > LONGEST:
        raise InvalidMath(f"An expression has {LONGEST} characters at most, not {len(text)}.")
    parser = _Parser(text, scope)
    expression = parser.either()
    parser.end()
    return expression


def measured(name: str) -> Expression:
    """A metric that is measured."""
    return Expression(SERIES, lambda window: window.measured[name])


class _Parser:
    def __init__(self, text: str, scope: Scope) -> None:
        self._text = text.strip()
        self._scope = scope
        self._at = 0
        self._nested = 0

    def either(self) -> Expression:
        left = self._both()
        while self._take("OR", "||"):
            left = _operation(lambda a, b: bool(a) or bool(b), left, self._both())
        return left

    def end(self) -> None:
        if self._at < len(self._text):
            self._fail()

    def _both(self) -> Expression:
        left = self._comparison()
        while self._take("AND", "&&"):
            left = _operation(lambda a, b: bool(a) and bool(b), left, self._comparison())
        return left

    def _comparison(self) -> Expression:
        left = self._sum()
        while sign := self._take(*COMPARISONS):
            left = _operation(COMPARISONS[sign], left, self._sum())
        return left

    def _sum(self) -> Expression:
        left = self._product()
        while sign := self._take(*SUMS):
            left = _operation(SUMS[sign], left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._signed()
        while sign := self._take(*PRODUCTS):
            left = _operation(PRODUCTS[sign], left, self._signed())
        return left

    def _signed(self) -> Expression:
        self._nested += 1
        if self._nested > DEEPEST:
            raise _too_deep()
        if self._take("-"):
            found = _operation(operator.neg, self._signed())
        else:
            found = self._single()
            if self._take("^"):
                found = _operation(math.pow, found, self._signed())
        self._nested -= 1
        return found

    def _single(self) -> Expression:
        match = TOKEN.match(self._text, self._at)
        if match is None:
            self._fail()
        kind, word = str(match.lastgroup), match[match.lastgroup or 0]
        if kind == "sign" and word not in ("(", "["):
            self._fail()
        self._at = match.end()
        if kind == "number":
            return Expression(NUMBER, lambda window: float(word))
        if kind == "id":
            return self._scope.resolve(word)
        if kind == "name":
            return self._call(word)
        return self._array() if word == "[" else self._bracketed()

    def _bracketed(self) -> Expression:
        inside = self.either()
        self._need(")")
        return inside

    def _array(self) -> Expression:
        parts = [self.either()]
        while self._take(","):
            parts.append(self.either())
        self._need("]")
        return _array_of(parts)

    def _call(self, name: str) -> Expression:
        if name not in FUNCTIONS:
            raise InvalidMath(f"The embedded AWS does not evaluate {name} of metric math.")
        self._need("(")
        arguments: list[Expression | None] = []
        while not self._take(")"):
            if arguments:
                self._need(",")
            arguments.append(None if self._take("REPEAT") else self.either())
        return FUNCTIONS[name](name, arguments, self._scope)

    def _take(self, *tokens: str) -> str | None:
        match = TOKEN.match(self._text, self._at)
        if match is None or match[match.lastgroup or 0] not in tokens:
            return None
        self._at = match.end()
        return str(match[match.lastgroup or 0])

    def _need(self, token: str) -> None:
        if not self._take(token):
            self._fail()

    def _fail(self) -> NoReturn:
        there = self._text[self._at :].strip()
        raise InvalidMath(
            f"The expression '{self._text}' cannot be read from '{there}' on."
            if there
            else f"The expression '{self._text}' is not complete."
        )


Arguments = Sequence["Expression | None"]  # None is the word REPEAT


def _apply(kind: str, function: Callable[..., Value], *parts: Expression) -> Expression:
    """An expression of others; the function is given the window and their values."""
    depth = 1 + max((part.depth for part in parts), default=0)
    if depth > DEEPEST:
        raise _too_deep()
    return Expression(
        kind, lambda window: function(window, *[part.evaluate(window) for part in parts]), depth
    )


def _too_deep() -> InvalidMath:
    return InvalidMath(f"An expression has {DEEPEST} operations within each other at most.")


def _operation(operation: Callable[..., float], *parts: Expression) -> Expression:
    kinds = [part.kind for part in parts]
    if kinds.count(ARRAY) > 1:
        raise InvalidMath("The embedded AWS does not evaluate operations on two arrays.")
    kind = next((each for each in (ARRAY, SERIES) if each in kinds), NUMBER)
    return _apply(kind, lambda window, *values: pointwise(operation, *values), *parts)


def _array_of(parts: Sequence[Expression]) -> Expression:
    for part in parts:
        if part.kind != SERIES:
            raise InvalidMath(f"An array has time series, not {part.kind}.")
    return _apply(ARRAY, lambda window, *values: values, *parts)


def _checked(name: str, arguments: Arguments, *allowed: Sequence[str]) -> list[Expression]:
    """The arguments, whose kinds must be among the allowed ones."""
    if len(arguments) != len(allowed):
        raise InvalidMath(f"{name} has {len(allowed)} arguments, not {len(arguments)}.")
    for argument, kinds in zip(arguments, allowed, strict=True):
        given = argument.kind if argument is not None else "REPEAT"
        if given not in kinds:
            raise InvalidMath(f"The embedded AWS evaluates {name} of {kinds[0]}, not of {given}.")
    return [argument for argument in arguments if argument is not None]


def _alone(name: str, arguments: Arguments, scope: Scope) -> Expression:
    return _operation(ALONE[name], *_checked(name, arguments, (SERIES, ARRAY, NUMBER)))


def _fold(name: str, arguments: Arguments, scope: Scope) -> Expression:
    [array] = _checked(name, arguments, (ARRAY,))
    return _apply(SERIES, lambda window, several: across(FOLDS[name], several), array)


def _fill(name: str, arguments: Arguments, scope: Scope) -> Expression:
    if len(arguments) == 2 and arguments[1] is None:
        [value] = _checked(name, arguments[:1], (SERIES, ARRAY))
        return _apply(value.kind, lambda window, value: fill(window, value, None), value)
    value, filler = _checked(name, arguments, (SERIES, ARRAY), (NUMBER,))
    return _apply(value.kind, fill, value, filler)


def _if(name: str, arguments: Arguments, scope: Scope) -> Expression:
    allowed = [(SERIES, NUMBER)] * max(2, min(len(arguments), 3))
    parts = _checked(name, arguments, *allowed)
    if all(part.kind == NUMBER for part in parts):
        raise InvalidMath("IF has at least one time series.")
    return _apply(SERIES, _chosen, *parts)


def _chosen(window: Window, condition: Value, then: Value, otherwise: Value = math.nan) -> Value:
    return choose(window, condition, then, otherwise)


def _period(name: str, arguments: Arguments, scope: Scope) -> Expression:
    _checked(name, arguments, (SERIES,))
    return Expression(NUMBER, lambda window: float(scope.period))


def _metrics(name: str, arguments: Arguments, scope: Scope) -> Expression:
    if arguments:
        raise InvalidMath("The embedded AWS evaluates METRICS() without a filter.")
    return _array_of(list(scope.metrics.values()))


Function = Callable[[str, Any, Scope], Expression]
FUNCTIONS: dict[str, Function] = {
    **dict.fromkeys(ALONE, _alone),
    **dict.fromkeys(FOLDS, _fold),
    "FILL": _fill,
    "IF": _if,
    "PERIOD": _period,
    "METRICS": _metrics,
}
