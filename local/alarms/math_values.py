"""What metric math computes with: numbers, time series and arrays of these.

A time series maps the beginnings of periods to values and leaves out the periods that have none.
What is computed of several series has a value only where each of them has one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Series = dict[int, float]
Value = float | Series | tuple[Series, ...]
Operation = Callable[..., float]


@dataclass(frozen=True)
class Window:
    """The periods that are looked at, the oldest first, and what was measured in them."""

    starts: tuple[int, ...]
    measured: Mapping[str, Series]


def pointwise(operation: Operation, *values: Value) -> Value:
    """The operation on the values of each period; a number counts in all of them."""
    length = next((len(value) for value in values if isinstance(value, tuple)), None)
    if length is not None:
        return tuple(
            on_series(operation, *[v[at] if isinstance(v, tuple) else v for v in values])
            for at in range(length)
        )
    if any(isinstance(value, dict) for value in values):
        return on_series(operation, *values)
    return _computed(operation, values)


def on_series(operation: Operation, *values: Value) -> Series:
    """As `pointwise`, of numbers and at least one time series."""
    common = set.intersection(*[set(value) for value in values if isinstance(value, dict)])
    found = {
        start: _computed(operation, [v[start] if isinstance(v, dict) else v for v in values])
        for start in sorted(common)
    }
    return {start: value for start, value in found.items() if math.isfinite(value)}


def choose(window: Window, condition: Value, then: Value, otherwise: Value) -> Series:
    """`then` in the periods whose condition is not zero, `otherwise` in the others."""
    chosen: Series = {}
    for start in window.starts:
        told = _at(condition, start)
        value = None if told is None else _at(then if told else otherwise, start)
        if value is not None and math.isfinite(value):
            chosen[start] = value
    return chosen


def fill(window: Window, value: Value, filler: float | None) -> Value:
    """The series with `filler` where there is no value; None repeats the last value before."""
    if isinstance(value, tuple):
        return tuple(_filled(window, series, filler) for series in value)
    return _filled(window, value, filler) if isinstance(value, dict) else value


def across(fold: Callable[[list[float]], float], array: Value) -> Series:
    """One series of several: what `fold` makes of the values that a period has."""
    several = array if isinstance(array, tuple) else ()
    starts = sorted(set().union(*several))
    return {start: fold([s[start] for s in several if start in s]) for start in starts}


def _filled(window: Window, series: Series, filler: float | None) -> Series:
    filled: Series = {}
    last = filler
    for start in window.starts:
        value = series.get(start, last)
        if value is not None and math.isfinite(value):
            filled[start] = value
        if filler is None:
            last = value
    return filled


def _at(value: Value, start: int) -> float | None:
    if isinstance(value, dict):
        return value.get(start)
    return value if isinstance(value, float) else None


def _computed(operation: Operation, values: object) -> float:
    try:
        return float(operation(*values))  # type: ignore[misc]
    except (ArithmeticError, ValueError):
        return math.nan  # a division by zero is no data point
