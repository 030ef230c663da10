"""One tuning job as it runs: starts trials, follows them, stops them, and ends.

Runs in a thread of its own and waits for changes of the store, so it reacts at once. Which
hyperparameters come next is the optimiser's affair, how a trial runs that of the training jobs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from local.backend import Backend
from local.errors import ApiError
from local.store import Document
from local.tuning import stopping, trials
from local.tuning.ending import Ending, find_ending, judge
from local.tuning.request import Definition, Plan, static_epochs
from local.tuning.search import Observation, Optimiser, Proposal, Search
from local.tuning.training import training_job_name, training_job_request
from local.tuning.trials import Summary
from local.tuning.warmstart import KIND

OnMetric = Callable[[str, float, float], None]
CreateTrainingJob = Callable[[dict[str, Any], str, OnMetric], dict[str, Any]]
Call = Callable[[str, dict[str, Any]], dict[str, Any]]

LOST = {"TrainingJobStatus": "Failed", "FailureReason": "InternalServerError: the job was deleted."}
LONGEST_NAP = 1.0  # seconds between looks at clock and metrics, which do not wake the loop


@dataclass
class Trial:
    """A training job that was started, and what is known of it."""

    definition: Definition
    optimiser: Optimiser
    proposal: Proposal
    summary: Summary
    curve: list[float]  # objective values so far; the job's own thread appends
    judged: int = 0  # values of the curve that early stopping has looked at
    stopping: bool = False
    used_up: bool = False  # stopped at Hyperband's MaxResource: as good as completed

    @property
    def name(self) -> str:
        return str(self.summary["TrainingJobName"])

    @property
    def running(self) -> bool:
        return not trials.is_final(self.summary)


class TuningRun:
    """The life of one tuning job, from InProgress to its final status."""

    def __init__(
        self, backend: Backend, name: str, plan: Plan, create: CreateTrainingJob, call: Call
    ) -> None:
        self._backend = backend
        self._name = name
        self._plan = plan
        self._create = create
        self._call = call
        self._arn = backend.arn(f"hyper-parameter-tuning-job/{name}")
        self._begun = backend.now()
        self._trials: list[Trial] = []
        self._finished: list[Trial] = []
        self._optimisers: list[Optimiser] = []
        self._ending: Ending | None = None

    def run(self, known: list[Observation]) -> Ending:
        """Run to the end with the parents' trials `known`; returns how it ended."""
        self._optimisers = make_optimisers(self._plan, known)
        while True:
            seen = self._progress()
            self._follow()
            self._ending = self._ending or self._find_ending()
            if self._ending:
                self._stop_all()
            else:
                self._stop_early()
                self._launch()
            self.record()
            if not self._running() and (self._ending or self._all_launched()):
                summaries = [trial.summary for trial in self._trials]
                return judge(self._ending or Ending("Completed"), summaries)
            self._wait(seen)

    def stop_all(self) -> None:
        """Stop every running trial, when the loop itself has failed."""
        self._stop_all()

    def record(self) -> None:
        """Write what is known of the trials into the tuning job's document, when it is news."""
        summaries = [trial.summary for trial in self._trials]
        before = self._backend.store.get(KIND, self._name)["_trials"]
        if summaries != before:
            self._backend.store.set(KIND, self._name, **self._outcome(summaries))

    def _outcome(self, summaries: list[Summary]) -> dict[str, Any]:
        now = self._backend.now()
        best = trials.best(summaries)
        ordered = [trials.objective_value(s) for s in self._succeeded()]
        kind = self._plan.definitions[0].objective_type
        return {
            "_trials": summaries,
            "TrainingJobStatusCounters": trials.status_counters(summaries),
            "ObjectiveStatusCounters": trials.objective_counters(summaries),
            "TuningJobCompletionDetails": {
                "NumberOfTrainingJobsObjectiveNotImproving": stopping.not_improving(kind, ordered)
            },
            "ConsumedResources": {"RuntimeInSeconds": int(now - self._begun)},
            "LastModifiedTime": now,
            **({"BestTrainingJob": best} if best else {}),
        }

    def _running(self) -> list[Trial]:
        return [trial for trial in self._trials if trial.running]

    def _succeeded(self) -> list[Summary]:
        return trials.succeeded([trial.summary for trial in self._finished])

    def _all_launched(self) -> bool:
        return len(self._trials) >= self._plan.jobs

    def _job(self, trial: Trial) -> Document:
        job = self._backend.store.find("TrainingJob", trial.name)
        return job if job is not None else trial.summary | LOST

    # Following ------------------------------------------------------------------------------

    def _progress(self) -> list[Any]:
        """What the loop reacts to: it differs after every change that matters."""
        status = self._backend.store.get(KIND, self._name)["HyperParameterTuningJobStatus"]
        jobs = [(trial, self._job(trial)) for trial in self._running()]
        return [status, *((t.name, j["TrainingJobStatus"], len(t.curve)) for t, j in jobs)]

    def _wait(self, seen: list[Any]) -> None:
        with suppress(TimeoutError):
            self._backend.store.wait(
                KIND,
                self._name,
                lambda document: self._progress() != seen,
                timeout=LONGEST_NAP if self._watches() else None,
            )

    def _watches(self) -> bool:
        plan = self._plan
        return plan.seconds is not None or plan.median_stopping or plan.resources is not None

    def _follow(self) -> None:
        for trial in self._running():
            job = self._job(trial)
            trial.summary = trials.summarise(job, trial.definition, trial.proposal.values)
            if not trial.running:
                self._learn(trial)

    def _learn(self, trial: Trial) -> None:
        self._finished.append(trial)
        succeeded = trial.summary["ObjectiveStatus"] == "Succeeded"
        objective = trials.objective_value(trial.summary) if succeeded else None
        complete = trial.used_up or trial.summary["TrainingJobStatus"] == "Completed"
        trial.optimiser.report(trial.proposal.number, list(trial.curve))
        trial.optimiser.tell(trial.proposal.number, objective, complete)

    # Launching ------------------------------------------------------------------------------

    def _launch(self) -> None:
        while not self._all_launched() and len(self._running()) < self._plan.parallel:
            index = self._next_definition()
            try:
                self._trials.append(self._start(index))
            except ApiError as error:
                self._ending = Ending(
                    "Failed", f"ClientError: a training job could not be created: {error.message}"
                )
                self._stop_all()
                return

    def _next_definition(self) -> int:
        """Definitions take turns; a grid's that is exhausted is passed over."""
        counts = [
            sum(trial.definition is definition for trial in self._trials)
            for definition in self._plan.definitions
        ]
        grid = self._plan.strategy == "Grid"
        return min(
            (count, index)
            for index, count in enumerate(counts)
            if not grid or count < self._plan.definitions[index].combinations
        )[1]

    def _start(self, index: int) -> Trial:
        definition, optimiser = self._plan.definitions[index], self._optimisers[index]
        proposal = optimiser.ask()
        name = training_job_name(self._name, len(self._trials) + 1)
        tags = self._backend.store.get(KIND, self._name)["_tags"]
        request = training_job_request(name, definition, proposal.values, tags)
        curve: list[float] = []
        self._create(request, self._arn, _recorder(definition.metric, curve))
        job = self._backend.store.get("TrainingJob", name)
        summary = trials.summarise(job, definition, proposal.values)
        if trials.is_final(summary):
            summary |= {"TrainingJobStatus": "InProgress"}  # its end is learnt like all others
        return Trial(definition, optimiser, proposal, summary, curve)

    # Stopping -------------------------------------------------------------------------------

    def _stop_early(self) -> None:
        for trial in self._running():
            curve = list(trial.curve)
            if len(curve) > trial.judged and self._should_stop(trial, curve):
                self._stop(trial)
            trial.judged = len(curve)

    def _should_stop(self, trial: Trial, curve: list[float]) -> bool:
        by_optimiser = trial.optimiser.report(trial.proposal.number, curve)
        trial.used_up = trial.used_up or self._is_used_up(trial, curve)
        return by_optimiser or trial.used_up or self._is_below_median(trial, curve)

    def _is_used_up(self, trial: Trial, curve: list[float]) -> bool:
        """At MaxResource; a script that was told to end there itself is left to do so."""
        resources = self._plan.resources
        if resources is None or len(curve) < resources.most:
            return False
        epochs = static_epochs(trial.definition)
        return epochs is None or epochs > resources.most

    def _is_below_median(self, trial: Trial, curve: list[float]) -> bool:
        if not self._plan.median_stopping:
            return False
        finished = [other.curve for other in self._finished if self._comparable(other, trial)]
        kind = trial.definition.objective_type
        unseen = range(trial.judged + 1, len(curve) + 1)
        return any(stopping.median_rule(kind, curve[:epoch], finished) for epoch in unseen)

    def _comparable(self, other: Trial, trial: Trial) -> bool:
        succeeded = other.summary["ObjectiveStatus"] == "Succeeded"
        return succeeded and other.definition is trial.definition

    def _stop_all(self) -> None:
        for trial in self._running():
            self._stop(trial)

    def _stop(self, trial: Trial) -> None:
        if trial.stopping:
            return
        trial.stopping = True
        with suppress(ApiError):  # it ended by itself in the meantime
            self._call("StopTrainingJob", {"TrainingJobName": trial.name})

    # Ending ---------------------------------------------------------------------------------

    def _find_ending(self) -> Ending | None:
        document = self._backend.store.get(KIND, self._name)
        if document["HyperParameterTuningJobStatus"] == "Stopping":
            return Ending("Stopped")
        elapsed = self._backend.now() - self._begun
        return find_ending(self._plan, elapsed, [trial.summary for trial in self._finished])


def _recorder(metric: str, curve: list[float]) -> OnMetric:
    """What a training job calls with each metric value: it keeps those of the objective."""

    def record(name: str, value: float, time: float) -> None:
        if name == metric and math.isfinite(value):
            curve.append(value)

    return record


def make_optimisers(plan: Plan, known: list[Observation]) -> list[Optimiser]:
    """One optimiser a definition; Optuna is imported here, when the first tuning job runs."""
    from local.tuning.optimiser import make_optimiser

    budget = -(-plan.jobs // len(plan.definitions))
    return [
        make_optimiser(
            Search(
                strategy=plan.strategy,
                objective_type=definition.objective_type,
                ranges=definition.ranges,
                seed=(plan.seed + index) % 2**32,
                budget=budget,
                resources=plan.resources,
            ),
            known,
        )
        for index, definition in enumerate(plan.definitions)
    ]
