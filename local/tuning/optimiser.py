"""The optimiser: objectives of finished trials in, the next hyperparameters out.

Knows Optuna and nothing of jobs, documents or time: the same calls with the same seed give the
same answers. Random and Bayesian sample from a study, Hyperband also says which trials to stop,
Grid counts through every combination.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from local.tuning.ranges import CategoricalRange, ContinuousRange, Range, combinations
from local.tuning.search import Observation, Optimiser, Proposal, Search

MOST_LISTED = 10_000  # combinations; larger spaces are not searched for an untried one
STARTUP_SHARE, FEWEST_STARTUP, MOST_STARTUP = 3, 3, 10  # a third of the budget explores


def make_optimiser(search: Search, known: Sequence[Observation] = ()) -> Optimiser:
    """The optimiser of a search that starts from `known` trials."""
    return GridSearch(search) if search.strategy == "Grid" else StudySearch(search, known)


class GridSearch:
    """Every combination once, the last hyperparameter moving fastest."""

    def __init__(self, search: Search) -> None:
        self._points = enumerate(_points(search.ranges))

    def ask(self) -> Proposal:
        """The next combination; StopIteration when all were given."""
        number, point = next(self._points)
        return Proposal(number, point)

    def report(self, number: int, objectives: Sequence[float]) -> bool:
        """A grid never stops a trial."""
        return False

    def tell(self, number: int, objective: float | None, complete: bool) -> None:
        """A grid learns nothing."""


class StudySearch:
    """Random, Bayesian (tree-structured Parzen estimator) and Hyperband through an Optuna study."""

    def __init__(self, search: Search, known: Sequence[Observation] = ()) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._search = search
        self._axes = {found.name: _axis(found) for found in search.ranges}
        self._random = random.Random(search.seed)  # noqa: S311 - a search, not a secret
        self._trials: dict[int, Any] = {}
        self._reported: dict[int, int] = {}
        self._tried: set[tuple[str, ...]] = set()
        self._study = optuna.create_study(
            study_name="tuning",  # fixed: Hyperband's brackets are drawn from the name
            direction=search.objective_type.lower(),
            sampler=_sampler(search),
            pruner=_pruner(search),
        )
        for observation in known:
            self._learn(observation)

    def ask(self) -> Proposal:
        """The next hyperparameters; never twice the same while untried combinations remain."""
        trial = self._study.ask(self._axes)
        point = self._read(trial.params)
        if self._key(point) in self._tried and (untried := self._untried()):
            self._study.tell(trial, state=TrialState.FAIL)
            self._study.enqueue_trial(self._positions(self._random.choice(untried)))
            trial = self._study.ask(self._axes)
            point = self._read(trial.params)
        self._tried.add(self._key(point))
        self._trials[trial.number] = trial
        return Proposal(trial.number, point)

    def report(self, number: int, objectives: Sequence[float]) -> bool:
        """Pass on the values that are new; True when Hyperband gives the trial up."""
        trial = self._trials[number]
        seen = self._reported.get(number, 0)
        self._reported[number] = len(objectives)
        stop = False
        for step, objective in enumerate(objectives[seen:], start=seen + 1):
            trial.report(objective, step)
            stop = stop or (self._between_resources(step) and trial.should_prune())
        return stop

    def tell(self, number: int, objective: float | None, complete: bool) -> None:
        """End a trial; one stopped early counts by the values that it had reported."""
        trial = self._trials.pop(number)
        if objective is None:
            self._study.tell(trial, state=TrialState.FAIL)
        elif complete:
            self._study.tell(trial, objective)
        else:
            self._study.tell(trial, state=TrialState.PRUNED)

    def _between_resources(self, step: int) -> bool:
        # At the most resources a trial is over anyway, so nothing is left to save by stopping it.
        resources = self._search.resources
        return resources is not None and resources.least <= step < resources.most

    def _learn(self, observation: Observation) -> None:
        try:
            positions = self._positions(observation.values)
        except (KeyError, ValueError):
            return  # outside the new ranges: it says nothing about what is searched now
        trial = optuna.trial.create_trial(
            params=positions, distributions=self._axes, value=observation.objective
        )
        self._study.add_trial(trial)

    def _read(self, positions: Mapping[str, Any]) -> dict[str, str]:
        return {found.name: found.unscale(positions[found.name]) for found in self._search.ranges}

    def _positions(self, point: Mapping[str, str]) -> dict[str, Any]:
        return {f.name: f.scale(f.read(point[f.name])) for f in self._search.ranges}  # type: ignore[arg-type]

    def _key(self, point: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(point[found.name] for found in self._search.ranges)

    def _untried(self) -> list[dict[str, str]]:
        size = combinations(self._search.ranges)
        if size is None or size > MOST_LISTED:
            return []
        return [p for p in _points(self._search.ranges) if self._key(p) not in self._tried]


def _points(ranges: tuple[Range, ...]) -> Iterator[dict[str, str]]:
    names = [found.name for found in ranges]
    for texts in itertools.product(*map(_texts, ranges)):
        yield dict(zip(names, texts, strict=True))


def _texts(found: Range) -> Sequence[str]:
    if isinstance(found, CategoricalRange):
        return found.values
    if isinstance(found, ContinuousRange):
        raise ValueError(f"the continuous range of {found.name} has no list of values")
    return [str(value) for value in range(found.low, found.high + 1)]


def _axis(found: Range) -> Any:
    if isinstance(found, CategoricalRange):
        return CategoricalDistribution(found.values)
    low, high = found.axis
    if isinstance(found, ContinuousRange):
        return FloatDistribution(low, high, log=found.logarithmic)
    return IntDistribution(low, high, log=found.logarithmic)


def _sampler(search: Search) -> Any:
    if search.strategy == "Random":
        return optuna.samplers.RandomSampler(seed=search.seed)
    share = math.ceil(search.budget / STARTUP_SHARE)
    startup = min(max(share, FEWEST_STARTUP), MOST_STARTUP)
    return optuna.samplers.TPESampler(
        seed=search.seed, n_startup_trials=startup, multivariate=True, constant_liar=True
    )


def _pruner(search: Search) -> Any:
    if search.resources is None:
        return optuna.pruners.NopPruner()
    return optuna.pruners.HyperbandPruner(
        min_resource=search.resources.least, max_resource=search.resources.most
    )
