"""The conditions of statements: operators, `IfExists`, `ForAnyValue:` and `ForAllValues:`."""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone

from local.errors import ApiError
from local.iam.documents import Statement
from local.iam.patterns import Context, UnknownVariable, arn_matches, text_matches

Test = Callable[[str, str, Context, bool], bool]  # wanted, given, context, whether it has variables
ANY, ALL, IF_EXISTS = "ForAnyValue:", "ForAllValues:", "IfExists"


def holds(statement: Statement, context: Context) -> bool:
    """Whether every condition of a statement holds."""
    return all(
        _key_holds(name, wanted, context.get(key.lower()), context, statement.has_variables)
        for name, keys in statement.conditions.items()
        for key, wanted in keys.items()
    )


def _key_holds(
    name: str,
    wanted: Sequence[str],
    given: Sequence[str] | None,
    context: Context,
    has_variables: bool,
) -> bool:
    plain = name.removeprefix(ANY).removeprefix(ALL)
    base = plain.removesuffix(IF_EXISTS)
    if base == "Null":
        return (given is None) == (wanted[0].lower() == "true")
    test, negated = _operator(base)

    def fits(value: str) -> bool:
        return any(_applies(test, one, value, context, has_variables) for one in wanted) != negated

    if name.startswith(ALL):
        return all(fits(value) for value in given or ())
    if given is None:
        return plain.endswith(IF_EXISTS) or (negated and not name.startswith(ANY))
    return any(fits(value) for value in given)


def _applies(test: Test, wanted: str, given: str, context: Context, has_variables: bool) -> bool:
    try:
        return test(wanted, given, context, has_variables)
    except (ValueError, UnknownVariable):  # not a number, a date, an address: no match
        return False


def _operator(name: str) -> tuple[Test, bool]:
    """The operator's test, and whether it is the negation of that."""
    if name not in OPERATORS:
        raise ApiError("MalformedPolicyDocument", f"IAM has no condition operator {name}.")
    return OPERATORS[name]


def _equals(wanted: str, given: str, context: Context, has_variables: bool) -> bool:
    return text_matches(wanted, given, context, has_variables, wild=False)


def _equals_in_any_case(wanted: str, given: str, context: Context, has_variables: bool) -> bool:
    # The variables' names have no case either, so the pattern can be lowered whole.
    lowered = {key: [value.lower() for value in values] for key, values in context.items()}
    return text_matches(wanted.lower(), given.lower(), lowered, has_variables, wild=False)


def _numbers(compare: Callable[[float, float], bool]) -> Test:
    return lambda wanted, given, context, has: compare(float(given), float(wanted))


def _dates(compare: Callable[[float, float], bool]) -> Test:
    return lambda wanted, given, context, has: compare(_moment(given), _moment(wanted))


def _moment(text: str) -> float:
    """Seconds since the epoch, of ISO 8601 or of such a number; raises ValueError."""
    try:
        return float(text)
    except ValueError:
        parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return parsed.replace(tzinfo=parsed.tzinfo or timezone.utc).timestamp()


def _address(wanted: str, given: str, context: Context, has_variables: bool) -> bool:
    return ipaddress.ip_address(given) in ipaddress.ip_network(wanted, strict=False)


def _boolean(wanted: str, given: str, context: Context, has_variables: bool) -> bool:
    return wanted.lower() == given.lower()


def _with_negations() -> Mapping[str, tuple[Test, bool]]:
    plain: dict[str, Test] = {
        "StringEquals": _equals,
        "StringEqualsIgnoreCase": _equals_in_any_case,
        "StringLike": text_matches,
        "NumericEquals": _numbers(operator.eq),
        "DateEquals": _dates(operator.eq),
        "ArnEquals": arn_matches,  # AWS compares both with patterns
        "ArnLike": arn_matches,
        "IpAddress": _address,
    }
    negations: dict[str, tuple[Test, bool]] = {
        (
            "NotIpAddress"
            if name == "IpAddress"
            else name.replace("Equals", "NotEquals").replace("Like", "NotLike")
        ): (test, True)
        for name, test in plain.items()
    }
    ordered: dict[str, Test] = {
        f"{kind}{name}": make(compare)
        for kind, make in (("Numeric", _numbers), ("Date", _dates))
        for name, compare in (
            ("LessThan", operator.lt),
            ("LessThanEquals", operator.le),
            ("GreaterThan", operator.gt),
            ("GreaterThanEquals", operator.ge),
        )
    }
    alone: dict[str, Test] = {**plain, **ordered, "Bool": _boolean, "BinaryEquals": _equals}
    return {name: (test, False) for name, test in alone.items()} | negations


OPERATORS = _with_negations()
