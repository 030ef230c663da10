"""Lines of quantities and prices, and their sum."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Line:
    """A quantity at a price. `price` is None where none is known; `note` says what is assumed."""

    what: str
    quantity: float
    unit: str
    price: float | None
    note: str = ""

    @property
    def cost(self) -> float | None:
        return None if self.price is None else self.quantity * self.price

    def as_dict(self) -> dict[str, Any]:
        """The line for `--json`."""
        return {
            "what": self.what,
            "quantity": self.quantity,
            "unit": self.unit,
            "price": self.price,
            "cost": self.cost,
            "note": self.note,
        }


@dataclass(frozen=True)
class Bill:
    """What something costs; `unpriced` are the lines that the total leaves out."""

    title: str
    lines: tuple[Line, ...]

    @property
    def total(self) -> float:
        return sum(line.cost or 0.0 for line in self.lines)

    @property
    def unpriced(self) -> tuple[str, ...]:
        return tuple(line.what for line in self.lines if line.price is None)

    def as_dict(self) -> dict[str, Any]:
        """The bill for `--json`."""
        return {
            "title": self.title,
            "lines": [line.as_dict() for line in self.lines],
            "total": self.total,
            "unpriced": list(self.unpriced),
        }


def bill(title: str, lines: Iterable[Line]) -> Bill:
    """A bill of the lines that are about anything."""
    return Bill(title, tuple(line for line in lines if line.quantity))
