"""Bayesian against Random search: best value found for the same budget, on standard functions.

    python -m benchmarks.tuning [--budget 30] [--seeds 20] [--json]

Every function's minimum is 0, so a smaller figure is better. Both strategies use the same seeds;
figures are the mean over them. Nothing is trained: only the optimiser is measured.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import fmean

from local.tuning.optimiser import make_optimiser
from local.tuning.ranges import CategoricalRange, ContinuousRange, IntegerRange, Range
from local.tuning.search import Search

STRATEGIES = ("Bayesian", "Random")


@dataclass(frozen=True)
class Problem:
    """A function of hyperparameters (texts, as a training job gets them) to minimise."""

    name: str
    ranges: tuple[Range, ...]
    loss: Callable[[Mapping[str, str]], float]


@dataclass(frozen=True)
class Row:
    """One problem's figures."""

    problem: str
    bayesian: float
    random: float
    bayesian_seconds_per_ask: float
    random_seconds_per_ask: float


def branin(values: Mapping[str, str]) -> float:
    """Branin's function: three equal minima in two dimensions."""
    x, y = float(values["x0"]), float(values["x1"])
    bend = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return bend**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.397887


def rosenbrock(values: Mapping[str, str]) -> float:
    """Rosenbrock's curved valley, in as many dimensions as there are values."""
    point = [float(text) for text in values.values()]
    pairs = zip(point, point[1:], strict=False)
    return sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairs)


def training(values: Mapping[str, str]) -> float:
    """Shaped like a training run: rates matter by their exponent, the backbone by its name."""
    rate, decay = math.log10(float(values["rate"])), math.log10(float(values["decay"]))
    backbone = {'"resnet18"': 0.4, '"resnet50"': 0.1, '"efficientnet_lite0"': 0.0}
    batch = math.log2(int(values["batch"]))
    drift = rate + 2.5 - 0.5 * (batch - 6)  # larger batches want larger rates
    return drift**2 + 0.2 * (decay + 4) ** 2 + backbone[values["backbone"]]


def cube(dimensions: int, low: float, high: float) -> tuple[Range, ...]:
    """The same linear range for each of x0, x1, …"""
    return tuple(ContinuousRange(f"x{i}", low, high, "Linear") for i in range(dimensions))


PROBLEMS = (
    Problem(
        "branin, 2 continuous",
        (ContinuousRange("x0", -5, 10, "Linear"), ContinuousRange("x1", 0, 15, "Linear")),
        branin,
    ),
    Problem("rosenbrock, 4 continuous", cube(4, -2, 2), rosenbrock),
    Problem(
        "training, 4 of all kinds",
        (
            ContinuousRange("rate", 1e-5, 1, "Logarithmic"),
            ContinuousRange("decay", 1e-7, 1e-1, "Logarithmic"),
            IntegerRange("batch", 8, 256, "Logarithmic"),
            CategoricalRange("backbone", ('"resnet18"', '"resnet50"', '"efficientnet_lite0"')),
        ),
        training,
    ),
)


def search(problem: Problem, strategy: str, seed: int, budget: int) -> tuple[float, float]:
    """Best value of one search, and its mean seconds per ask."""
    optimiser = make_optimiser(Search(strategy, "Minimize", problem.ranges, seed, budget))
    best, asking = math.inf, 0.0
    for _ in range(budget):
        begun = time.perf_counter()
        proposal = optimiser.ask()
        asking += time.perf_counter() - begun
        value = problem.loss(proposal.values)
        optimiser.tell(proposal.number, value, complete=True)
        best = min(best, value)
    return best, asking / budget


def measure(problem: Problem, budget: int, seeds: int) -> Row:
    """Both strategies on one problem, seed by seed."""
    figures = {
        strategy: [search(problem, strategy, seed, budget) for seed in range(seeds)]
        for strategy in STRATEGIES
    }
    bayesian, random = (figures[strategy] for strategy in STRATEGIES)
    return Row(
        problem=problem.name,
        bayesian=fmean(best for best, _ in bayesian),
        random=fmean(best for best, _ in random),
        bayesian_seconds_per_ask=fmean(ask for _, ask in bayesian),
        random_seconds_per_ask=fmean(ask for _, ask in random),
    )


def print_table(rows: list[Row], budget: int, seeds: int) -> None:
    """The figures side by side."""
    print(f"best value after {budget} trials, mean of {seeds} seeds (0 is the minimum)")
    print(f"{'':26}{'Bayesian':>10}{'Random':>10}   {'Bayesian':>10}{'Random':>8}  (ms per ask)")
    for row in rows:
        asks = (
            f"{1000 * row.bayesian_seconds_per_ask:10.2f}{1000 * row.random_seconds_per_ask:8.2f}"
        )
        print(f"{row.problem:26}{row.bayesian:10.3f}{row.random:10.3f}   {asks}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--budget", type=int, default=30, help="trials a search (default 30)")
    parser.add_argument("--seeds", type=int, default=20, help="searches a figure (default 20)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    rows = [measure(problem, arguments.budget, arguments.seeds) for problem in PROBLEMS]
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        print_table(rows, arguments.budget, arguments.seeds)


if __name__ == "__main__":
    main()
