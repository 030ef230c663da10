"""Expressions of metric math over three periods: what they give, and what is refused."""

import pytest

from local.alarms.math_values import Window
from local.alarms.metric_math import InvalidMath, Scope, measured, parse_math

FIRST, SECOND, THIRD = STARTS = (0, 60, 120)
MEASURED = {"a": {0: 1.0, 60: 2.0, 120: 4.0}, "b": {0: 3.0, 120: 0.0}, "c": {60: -1.5}}
METRICS = {name: measured(name) for name in MEASURED}


def resolve(name):
    if name not in METRICS:
        raise InvalidMath(f"no {name}")
    return METRICS[name]


def parsed(text):
    return parse_math(text, Scope(resolve, METRICS, 60))


def given(text):
    """The value of each period, None where there is none."""
    value = parsed(text).evaluate(Window(STARTS, MEASURED))
    assert isinstance(value, dict)
    return [value.get(start) for start in STARTS]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a", [1, 2, 4]),
        ("a + 1 - 2 * 3", [-4, -3, -1]),
        ("(a + 1) * 2", [4, 6, 10]),
        ("-a ^ 2", [-1, -4, -16]),
        ("2 ^ a ^ 2", [2, 16, 65536]),
        ("10 - a - 1", [8, 7, 5]),
        (".5e1/a", [5, 2.5, 1.25]),
        ("a - b", [-2, None, 4]),
        ("a - FILL(b, 0)", [-2, 2, 4]),
        ("a - FILL(b, REPEAT)", [-2, -1, 4]),
        ("FILL(c, REPEAT)", [None, -1.5, -1.5]),
        ("FILL(b, PERIOD(a) / 60)", [3, 1, 0]),
        ("a / b", [1 / 3, None, None]),
        ("c ^ 0.5", [None, None, None]),
        ("a >= 2", [0, 1, 1]),
        ("a > 1 AND a < 4 OR a == 1", [1, 1, 0]),
        ("a != 2 && b || 0", [1, None, 0]),
        ("IF(a > 1, a * 10, 0)", [0, 20, 40]),
        ("IF(b > 1, a, c)", [1, None, None]),
        ("IF(a < 4, a)", [1, 2, None]),
        ("IF(1, b, a)", [3, None, 0]),
        ("SUM([a, b, c])", [4, 0.5, 4]),
        ("MAX([a, b])", [3, 2, 4]),
        ("MIN(METRICS())", [1, -1.5, 0]),
        ("AVG([a, b])", [2, 2, 2]),
        ("SUM(FILL(METRICS(), 1) * 2)", [10, 3, 10]),
        ("ABS(c) + CEIL(c) + FLOOR(c)", [None, -1.5, None]),
    ],
)
def test_an_expression_is_computed_period_by_period(text, values):
    assert given(text) == pytest.approx(values)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not complete"),
        ("a +", "is not complete"),
        ("a b", "cannot be read from 'b' on"),
        ("a + (b", "is not complete"),
        ("a ? b", "cannot be read from '? b' on"),
        ("__import__", "cannot be read"),
        ("d", "no d"),
        ("RATE(a)", "does not evaluate RATE of metric math"),
        ("ANOMALY_DETECTION_BAND(a, 2)", "does not evaluate ANOMALY_DETECTION_BAND"),
        ("SELECT AVG(x)", "does not evaluate SELECT"),
        ("MAX(a)", "evaluates MAX of an array, not of a time series"),
        ("FILL(a, LINEAR)", "does not evaluate LINEAR"),
        ("FILL(a)", "FILL has 2 arguments, not 1"),
        ("FILL(REPEAT, a)", "not of REPEAT"),
        ("FILL(a, b)", "evaluates FILL of a number, not of a time series"),
        ("IF(METRICS(), a, b)", "evaluates IF of a time series, not of an array"),
        ("IF(1, 2, 3)", "at least one time series"),
        ("IF(a)", "IF has 2 arguments, not 1"),
        ("[a, 1]", "An array has time series, not a number"),
        ("[a] + [b]", "operations on two arrays"),
        ('METRICS("a")', "cannot be read"),
        ("METRICS(a)", "without a filter"),
        ("(" * 500, "within each other"),
        ("-" * 500 + "a", "within each other"),
        ("a" + "+a" * 500, "within each other"),
        ("a" * 1025, "1024 characters at most"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_with_a_sentence(text, words):
    with pytest.raises(InvalidMath, match="^[^\n]+$") as refused:
        parsed(text)
    assert words in str(refused.value)


def test_the_deepest_expression_can_be_evaluated():
    assert given("a" + "+a" * 59) == [60, 120, 240]
    assert given("(" * 59 + "a" + ")" * 59) == [1, 2, 4]
