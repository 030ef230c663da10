"""How one hyperparameter is read and what it may be.

Boundary: a text in, a checked value out; which hyperparameters there are stands elsewhere.
Run the tests: `pytest tests/steps/test_hyperparameters.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Limit:
    """How a hyperparameter is read, what is allowed (in words), and what it means."""

    convert: Callable[[str], Any]
    accepts: Callable[[Any], bool]
    allowed: str
    help: str = ""


def hyperparameter(default: Any, limit: Limit, text: str = "") -> Any:
    """A dataclass field that holds its limit and its meaning as metadata."""
    limit = Limit(limit.convert, limit.accepts, limit.allowed, text or limit.help)
    return field(default=default, metadata={"limit": limit})


def whole(text: str) -> int:
    """A whole number; a tuner may write 32 as 32.0."""
    value = float(text)
    if value != int(value):
        raise ValueError(text)
    return int(value)


def one_of(*names: str) -> Limit:
    return Limit(str, lambda value: value in names, "one of " + ", ".join(names))


def some_of(*names: str) -> Limit:
    """Names with commas between them; `none` and `all` for the ends."""

    def accepts(value: str) -> bool:
        return value in ("none", "all") or set(value.split(",")) <= set(names)

    return Limit(_without_spaces, accepts, f"none, all, or some of {','.join(names)}")


def integer(low: int, high: int) -> Limit:
    return Limit(whole, lambda v: low <= v <= high, f"a whole number from {low} to {high}")


def number(low: float, high: float) -> Limit:
    return Limit(float, lambda v: low <= v <= high, f"a number from {low:g} to {high:g}")


def _without_spaces(text: str) -> str:
    return "".join(text.split())
