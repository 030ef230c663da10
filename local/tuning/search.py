"""What an optimiser is given and what it answers. Values only, so that reading a request is quick.

The optimisers themselves are in `optimiser`, which takes half a second to import.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from local.tuning.ranges import Range


@dataclass(frozen=True)
class Resources:
    """Hyperband's resources: reports of the objective (epochs) that a trial may use."""

    least: int
    most: int


@dataclass(frozen=True)
class Search:
    """What is searched and how: all that decides an optimiser's answers, besides its history."""

    strategy: str
    objective_type: str
    ranges: tuple[Range, ...]
    seed: int
    budget: int
    resources: Resources | None = None


@dataclass(frozen=True)
class Observation:
    """A finished trial of an earlier search: hyperparameters as text, and its objective."""

    values: Mapping[str, str]
    objective: float


@dataclass(frozen=True)
class Proposal:
    """The hyperparameters to try next, as text, and the number to report them by."""

    number: int
    values: dict[str, str]


class Optimiser(Protocol):
    """Proposes hyperparameters and learns from what became of them."""

    def ask(self) -> Proposal:
        """The next hyperparameters to try."""
        ...

    def report(self, number: int, objectives: Sequence[float]) -> bool:
        """All objective values of a running trial so far; True when it should be stopped."""
        ...

    def tell(self, number: int, objective: float | None, complete: bool) -> None:
        """A trial's final objective: None when it failed, not `complete` when stopped early."""
        ...
