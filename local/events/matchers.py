"""The comparisons that an event pattern may ask for, by name: each is checked, then applied.

A comparison gets one value of the event (a string, a number, true, false or null) and answers
whether it fits. Unlike moto's, a Boolean is not a number, nothing but a string has a prefix, and
what cannot be meant is refused when the rule is put.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

Matcher = Callable[[Any], bool]
COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}
LARGEST_NUMBER = 5e9
LARGEST_RANGE = 4  # two comparisons, each an operator and its number


class InvalidPattern(ValueError):
    """The pattern cannot be meant; the message is AWS's reason."""


def exactly(wanted: Any) -> Matcher:
    """The very same value: 1, 1.0, "1" and true are four different ones."""
    return lambda value: type(value) is type(wanted) and value == wanted


def named(name: str, argument: Any) -> Matcher:
    """The comparison `{name: argument}`."""
    if name not in MATCHERS:
        raise InvalidPattern(f"Unrecognized match type {name}")
    return MATCHERS[name](argument)


def _prefix(argument: Any) -> Matcher:
    return _affix("prefix", str.startswith, argument)


def _suffix(argument: Any) -> Matcher:
    return _affix("suffix", str.endswith, argument)


def _affix(name: str, holds: Callable[[str, str], bool], argument: Any) -> Matcher:
    if isinstance(argument, dict) and set(argument) == {"equals-ignore-case"}:
        folded = _text(name, argument["equals-ignore-case"]).casefold()
        return lambda value: isinstance(value, str) and holds(value.casefold(), folded)
    text = _text(name, argument)
    return lambda value: isinstance(value, str) and holds(value, text)


def _ignore_case(argument: Any) -> Matcher:
    folded = _text("equals-ignore-case", argument).casefold()
    return lambda value: isinstance(value, str) and value.casefold() == folded


def _wildcard(argument: Any) -> Matcher:
    expression = re.compile(_wildcard_expression(_text("wildcard", argument)), re.DOTALL)
    return lambda value: isinstance(value, str) and expression.fullmatch(value) is not None


def _wildcard_expression(text: str) -> str:
    parts: list[str] = []
    for piece in re.findall(r"\\.|\\$|[^\\]", text, re.DOTALL):
        if piece == "*" and parts[-1:] == [".*"]:
            raise InvalidPattern("Consecutive wildcard characters are not allowed")
        if piece[0] == "\\" and piece[1:] not in ("*", "\\"):
            raise InvalidPattern("Invalid escape character in wildcard; escape only * and \\")
        parts.append(".*" if piece == "*" else re.escape(piece[-1]))
    return "".join(parts)


def _numeric(argument: Any) -> Matcher:
    pairs = _comparisons(argument)
    return lambda value: _is_number(value) and all(holds(value, bound) for holds, bound in pairs)


def _comparisons(argument: Any) -> list[tuple[Callable[[Any, Any], bool], float]]:
    if not isinstance(argument, list) or not 0 < len(argument) <= LARGEST_RANGE:
        raise InvalidPattern("numeric match pattern must be a list of one or two comparisons")
    if len(argument) % 2:
        raise InvalidPattern("numeric match pattern must be pairs of an operator and a number")
    pairs = list(zip(argument[::2], argument[1::2], strict=True))
    for sign, bound in pairs:
        if sign not in COMPARISONS:
            raise InvalidPattern(f"Unrecognized numeric range operator: {sign}")
        if not _is_number(bound) or abs(bound) > LARGEST_NUMBER:
            raise InvalidPattern("Value of a numeric comparison must be a number within ±5e9")
    if len(pairs) == 2 and not (pairs[0][0][0] == ">" and pairs[1][0][0] == "<"):
        raise InvalidPattern("A numeric range is a lower limit (> or >=), then an upper one")
    if len(pairs) == 2 and pairs[0][1] >= pairs[1][1]:
        raise InvalidPattern("Bottom must be less than top")
    return [(COMPARISONS[sign], bound) for sign, bound in pairs]


def _cidr(argument: Any) -> Matcher:
    try:
        network = ipaddress.ip_network(_text("cidr", argument), strict=False)
    except ValueError as error:
        raise InvalidPattern(f"Malformed CIDR: {error}") from error

    def inside(value: Any) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return inside


def _anything_but(argument: Any) -> Matcher:
    if isinstance(argument, dict):
        refused = _unwanted(argument)
    else:
        unwanted = argument if isinstance(argument, list) else [argument]
        if not unwanted or not all(isinstance(u, str) or _is_number(u) for u in unwanted):
            raise InvalidPattern("Inside anything-but list, use strings or numbers")
        if len({isinstance(u, str) for u in unwanted}) > 1:
            raise InvalidPattern("Inside anything-but list, use only strings or only numbers")
        refused = [exactly(u) for u in unwanted]
    return lambda value: not any(fits(value) for fits in refused)


def _unwanted(argument: dict[str, Any]) -> list[Matcher]:
    """`{"prefix": …}` and its like, each with one text or a list of them."""
    if len(argument) != 1 or next(iter(argument)) not in WITHIN_ANYTHING_BUT:
        raise InvalidPattern(
            f"Unsupported anything-but pattern; it takes one of {', '.join(WITHIN_ANYTHING_BUT)}"
        )
    [(name, values)] = argument.items()
    if values == []:
        raise InvalidPattern("Empty arrays are not allowed")
    listed = values if isinstance(values, list) else [values]
    if name in ("prefix", "suffix") and "" in listed:
        raise InvalidPattern("Null prefix/suffix not allowed")
    return [named(name, value) for value in listed]


def _text(name: str, argument: Any) -> str:
    if not isinstance(argument, str):
        raise InvalidPattern(f"{name} match pattern must be a string")
    return argument


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


MATCHERS: Mapping[str, Callable[[Any], Matcher]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignore_case,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}
WITHIN_ANYTHING_BUT = ("prefix", "suffix", "equals-ignore-case", "wildcard")
