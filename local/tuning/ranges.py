"""Hyperparameter ranges: what may be tried, and how a value is written in HyperParameters.

Pure: reads the ParameterRanges of a request into small values. `scale` and `unscale` carry a
value to and from the axis on which the optimiser searches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

AUTO_LOGARITHMIC_RATIO = 100  # two decades: Auto then searches the exponent, not the value
SCALING_TYPES = ("Auto", "Linear", "Logarithmic", "ReverseLogarithmic")


@dataclass(frozen=True)
class ContinuousRange:
    """Floating-point values from `low` to `high`; `scaling` is never Auto here."""

    name: str
    low: float
    high: float
    scaling: str

    @property
    def logarithmic(self) -> bool:
        return self.scaling != "Linear"

    @property
    def axis(self) -> tuple[float, float]:
        """Both ends on the search axis: 1 - value for ReverseLogarithmic."""
        reverse = self.scaling == "ReverseLogarithmic"
        return (1 - self.high, 1 - self.low) if reverse else (self.low, self.high)

    def scale(self, value: float) -> float:
        """Where `value` lies on the search axis."""
        low, high = self.axis
        return min(max(self._mirrored(value), low), high)

    def unscale(self, position: float) -> str:
        """The value at a position of the search axis, as AWS writes it: without an exponent."""
        value = min(max(self._mirrored(position), self.low), self.high)
        return f"{Decimal(repr(value)):f}"

    def read(self, text: str) -> float:
        """The value in a hyperparameter's text; raises ValueError when it is outside."""
        value = float(text.strip('"'))
        if not self.low <= value <= self.high:
            raise ValueError(f"{self.name} {text} is not in {self.low}..{self.high}")
        return value

    def _mirrored(self, value: float) -> float:
        return 1 - value if self.scaling == "ReverseLogarithmic" else value


@dataclass(frozen=True)
class IntegerRange:
    """Whole numbers from `low` to `high`, both included."""

    name: str
    low: int
    high: int
    scaling: str

    @property
    def logarithmic(self) -> bool:
        return self.scaling == "Logarithmic"

    @property
    def axis(self) -> tuple[int, int]:
        return self.low, self.high

    def scale(self, value: int) -> int:
        """Where `value` lies on the search axis: at itself."""
        return value

    def unscale(self, position: int) -> str:
        """The value at a position of the search axis, in digits."""
        return str(int(position))

    def read(self, text: str) -> int:
        """The value in a hyperparameter's text; raises ValueError when it is outside."""
        value = int(text.strip('"'))
        if not self.low <= value <= self.high:
            raise ValueError(f"{self.name} {text} is not in {self.low}..{self.high}")
        return value


@dataclass(frozen=True)
class CategoricalRange:
    """One of some texts, kept exactly as given (the SDK has quoted them as JSON already)."""

    name: str
    values: tuple[str, ...]

    def scale(self, value: str) -> str:
        """Where `value` lies on the search axis: at itself."""
        return value

    def unscale(self, position: str) -> str:
        """The value itself."""
        return position

    def read(self, text: str) -> str:
        """The value in a hyperparameter's text; raises ValueError when it is none of them."""
        if text not in self.values:
            raise ValueError(f"{self.name} {text} is not one of {', '.join(self.values)}")
        return text


Range: TypeAlias = ContinuousRange | IntegerRange | CategoricalRange


def combinations(ranges: tuple[Range, ...]) -> int | None:
    """How many different points there are; None when a range is continuous."""
    sizes = [_size(found) for found in ranges]
    return None if None in sizes else math.prod(size for size in sizes if size)


def _size(found: Range) -> int | None:
    if isinstance(found, CategoricalRange):
        return len(found.values)
    return found.high - found.low + 1 if isinstance(found, IntegerRange) else None


def parse_ranges(parameter_ranges: Mapping[str, Any]) -> tuple[list[Range], list[str]]:
    """Read ParameterRanges; returns the ranges that are sound, and a sentence a fault."""
    ranges: list[Range] = []
    faults: list[str] = []
    for parse, entry in _entries(parameter_ranges):
        try:
            ranges.append(parse(entry))
        except ValueError as error:
            faults.append(str(error))
    faults += [
        f"AutoParameters '{entry['Name']}': the local tuner does not choose ranges by itself; "
        "give it a Continuous, Integer or Categorical range."
        for entry in parameter_ranges.get("AutoParameters") or []
    ]
    return ranges, faults + _repeated(ranges)


def _entries(
    parameter_ranges: Mapping[str, Any],
) -> Iterator[tuple[Callable[[Mapping[str, Any]], Range], Mapping[str, Any]]]:
    parsers: dict[str, Callable[[Mapping[str, Any]], Range]] = {
        "ContinuousParameterRanges": _continuous,
        "IntegerParameterRanges": _integer,
        "CategoricalParameterRanges": _categorical,
    }
    for key, parse in parsers.items():
        for entry in parameter_ranges.get(key) or []:
            yield parse, entry


def _repeated(ranges: list[Range]) -> list[str]:
    names = [found.name for found in ranges]
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"Hyperparameter '{name}' has more than one range; keep one." for name in twice]


def _continuous(entry: Mapping[str, Any]) -> ContinuousRange:
    low, high = _ends(entry, float)
    scaling = _scaling(entry, low, high)
    if scaling == "ReverseLogarithmic" and not 0 <= low <= high < 1:
        raise ValueError(
            f"Hyperparameter '{entry['Name']}' spans {low} to {high}; ReverseLogarithmic scaling "
            "needs a range within 0 <= x < 1."
        )
    return ContinuousRange(entry["Name"], low, high, scaling)


def _integer(entry: Mapping[str, Any]) -> IntegerRange:
    low, high = _ends(entry, int)
    scaling = _scaling(entry, low, high)
    if scaling == "ReverseLogarithmic":
        raise ValueError(
            f"Hyperparameter '{entry['Name']}' is an integer and cannot have ReverseLogarithmic "
            "scaling; use Auto, Linear or Logarithmic."
        )
    return IntegerRange(entry["Name"], low, high, scaling)


def _categorical(entry: Mapping[str, Any]) -> CategoricalRange:
    values = tuple(entry["Values"])
    if len(set(values)) < len(values) or not values:
        raise ValueError(
            f"Hyperparameter '{entry['Name']}' has the values {', '.join(values) or 'none'}; "
            "give each value once, and at least one."
        )
    return CategoricalRange(entry["Name"], values)


def _ends(entry: Mapping[str, Any], number: Callable[[str], Any]) -> tuple[Any, Any]:
    name, low, high = entry["Name"], entry["MinValue"], entry["MaxValue"]
    try:
        ends = number(low), number(high)
    except ValueError as error:
        kind = "a whole number" if number is int else "a number"
        raise ValueError(
            f"Hyperparameter '{name}' has the range '{low}' to '{high}'; both ends must be {kind}."
        ) from error
    if not all(map(math.isfinite, ends)) or ends[0] > ends[1]:
        raise ValueError(
            f"Hyperparameter '{name}' has the range {low} to {high}; MinValue must be finite and "
            "not above MaxValue."
        )
    return ends


def _scaling(entry: Mapping[str, Any], low: float, high: float) -> str:
    scaling = str(entry.get("ScalingType", "Auto"))
    if scaling not in SCALING_TYPES:
        raise ValueError(
            f"Hyperparameter '{entry['Name']}' has ScalingType '{scaling}'; "
            f"use one of {', '.join(SCALING_TYPES)}."
        )
    if scaling == "Logarithmic" and low <= 0:
        raise ValueError(
            f"Hyperparameter '{entry['Name']}' starts at {low}; Logarithmic scaling needs values "
            "greater than 0."
        )
    if scaling != "Auto":
        return scaling
    wide = low > 0 and high / low >= AUTO_LOGARITHMIC_RATIO
    return "Logarithmic" if wide else "Linear"
