from __future__ import annotations

import math
import warnings

import pytest

from local.tuning.optimiser import make_optimiser
from local.tuning.ranges import CategoricalRange, ContinuousRange, IntegerRange
from local.tuning.search import Observation, Resources, Search

RATE = ContinuousRange("rate", 1e-5, 1.0, "Logarithmic")
MOMENTUM = ContinuousRange("momentum", 0.5, 0.999, "ReverseLogarithmic")
UNITS = IntegerRange("units", 0, 3, "Linear")
KIND = CategoricalRange("kind", ('"a"', '"b"'))
MIXED = (RATE, MOMENTUM, UNITS, KIND)


def search(strategy="Bayesian", ranges=MIXED, seed=1, budget=20, **more) -> Search:
    return Search(strategy, "Minimize", ranges, seed, budget, **more)


def distance(values) -> float:
    return abs(math.log10(float(values["rate"])) + 2) + int(values.get("units", 0))


def run(optimiser, budget: int, objective=distance) -> list[dict[str, str]]:
    tried = []
    for _ in range(budget):
        proposal = optimiser.ask()
        tried.append(proposal.values)
        optimiser.tell(proposal.number, objective(proposal.values), complete=True)
    return tried


@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_the_same_seed_proposes_the_same_and_another_seed_does_not(strategy):
    first = run(make_optimiser(search(strategy)), 15)
    assert run(make_optimiser(search(strategy)), 15) == first
    assert run(make_optimiser(search(strategy, seed=2)), 15) != first


@pytest.mark.parametrize("strategy", ["Random", "Bayesian", "Hyperband"])
def test_every_proposal_lies_within_its_ranges(strategy):
    resources = Resources(1, 9) if strategy == "Hyperband" else None
    for values in run(make_optimiser(search(strategy, resources=resources)), 20):
        for found in MIXED:
            assert found.read(values[found.name]) is not None


def test_bayesian_finds_better_than_random_for_the_same_budget():
    def best(strategy: str, seed: int) -> float:
        ranges = (RATE, ContinuousRange("units", 0, 3, "Linear"))
        optimiser = make_optimiser(search(strategy, ranges, seed, budget=25))

        def bowl(values) -> float:
            rate, units = float(values["rate"]), float(values["units"])
            return math.pow(math.log10(rate) + 2, 2) + math.pow(units, 2)

        return min(bowl(values) for values in run(optimiser, 25, bowl))

    seeds = range(8)
    bayesian = sum(best("Bayesian", seed) for seed in seeds)
    assert bayesian < 0.5 * sum(best("Random", seed) for seed in seeds)


def test_maximize_climbs():
    ranges = (ContinuousRange("x", 0, 1, "Linear"),)
    optimiser = make_optimiser(Search("Bayesian", "Maximize", ranges, 3, 30))
    tried = [float(values["x"]) for values in run(optimiser, 30, lambda v: float(v["x"]))]
    assert sum(tried[15:]) / 15 > 0.8


@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_no_combination_is_tried_twice_while_untried_ones_remain(strategy):
    ranges = (UNITS, KIND)
    tried = run(make_optimiser(search(strategy, ranges)), 8, lambda v: float(v["units"]))
    assert len({tuple(sorted(values.items())) for values in tried}) == 8
    again = make_optimiser(search(strategy, ranges))
    assert len(run(again, 10, lambda v: float(v["units"]))) == 10


def test_parallel_proposals_differ():
    optimiser = make_optimiser(search())
    run(optimiser, 12)
    asked = [optimiser.ask().values["rate"] for _ in range(4)]
    assert len(set(asked)) == 4


def test_grid_gives_every_combination_once_in_order():
    ranges = (CategoricalRange("a", ("1", "2")), CategoricalRange("b", ("x", "y", "z")))
    tried = run(make_optimiser(search("Grid", ranges)), 6, lambda v: 0.0)
    assert [v["a"] + v["b"] for v in tried] == ["1x", "1y", "1z", "2x", "2y", "2z"]


def test_known_trials_guide_from_the_first_proposal_on_and_outsiders_are_ignored():
    ranges = (ContinuousRange("rate", 1e-5, 1.0, "Logarithmic"),)
    grid = [10 ** (-5 + step / 4) for step in range(20)]
    known = [Observation({"rate": repr(r)}, (math.log10(r) + 2) ** 2) for r in grid]
    outsiders = [Observation({"rate": "7.5"}, -100.0), Observation({"other": "1"}, -100.0)]
    guided = run(make_optimiser(search(ranges=ranges), known), 6)
    exponents = [math.log10(float(values["rate"])) for values in guided]
    assert sum(abs(e + 2) < 1 for e in exponents) >= 4
    assert run(make_optimiser(search(ranges=ranges), known + outsiders), 6) == guided


def test_failed_trials_teach_nothing_but_the_search_goes_on():
    optimiser = make_optimiser(search())
    for _ in range(3):
        optimiser.tell(optimiser.ask().number, None, complete=False)
    assert len(run(optimiser, 12)) == 12


def test_hyperband_stops_the_worse_trials_and_keeps_the_best():
    optimiser = make_optimiser(search("Hyperband", budget=30, resources=Resources(1, 9)))
    stopped: list[float] = []
    kept: list[float] = []
    for _ in range(30):
        proposal = optimiser.ask()
        final = distance(proposal.values)
        curve = [final + 1 / epoch for epoch in range(1, 10)]
        ends = [n for n in range(1, 10) if optimiser.report(proposal.number, curve[:n])]
        (stopped if ends else kept).append(final)
        optimiser.tell(proposal.number, curve[ends[0] - 1 if ends else -1], complete=not ends)
        assert not ends or ends[0] < 9
    assert len(stopped) > len(kept) > 0
    assert sum(kept) / len(kept) < sum(stopped) / len(stopped)
    assert min(kept) == min(stopped + kept)


def test_a_range_of_one_value_is_no_obstacle():
    ranges = (ContinuousRange("rate", 0.5, 0.5, "Linear"), IntegerRange("n", 3, 3, "Logarithmic"))
    tried = run(make_optimiser(search(ranges=ranges)), 12, lambda values: 0.0)
    assert tried == [{"rate": "0.5", "n": "3"}] * 12


def test_optuna_is_silent(capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(make_optimiser(search("Hyperband", resources=Resources(1, 3))), 12)
    assert capfd.readouterr() == ("", "")
