"""Warm start: what earlier tuning jobs found, checked and handed to a new one. Reads the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local.errors import validation_error
from local.store import Document, Store
from local.tuning.request import Definition, Plan
from local.tuning.search import Observation
from local.tuning.training import OBJECTIVE_HYPERPARAMETER
from local.tuning.trials import Summary, objective_value, succeeded

KIND = "HyperParameterTuningJob"
IDENTICAL = "IdenticalDataAndAlgorithm"
ENDED = ("Completed", "Failed", "Stopped")


def find_parents(store: Store, request: Mapping[str, Any], plan: Plan) -> list[Document]:
    """The parents' documents; raises ApiError with a sentence for each one that cannot serve."""
    config = request.get("WarmStartConfig") or {}
    entries = config.get("ParentHyperParameterTuningJobs") or []
    names = [entry["HyperParameterTuningJobName"] for entry in entries]
    parents = {name: store.find(KIND, name) for name in names}
    faults = [
        fault
        for name, parent in parents.items()
        if (fault := _fault(name, parent, config["WarmStartType"], plan))
    ]
    if faults:
        raise validation_error(" ".join(faults))
    return [parent for parent in parents.values() if parent]


def _fault(name: str, parent: Document | None, warm_start_type: str, plan: Plan) -> str:
    if parent is None:
        return f"WarmStartConfig: the parent tuning job '{name}' does not exist."
    status = parent["HyperParameterTuningJobStatus"]
    if status not in ENDED:
        return (
            f"WarmStartConfig: the parent tuning job '{name}' is {status}; wait until it has ended."
        )
    definition, bodies = plan.definitions[0], _bodies(parent)
    if len(plan.definitions) > 1 or len(bodies) > 1:
        return "WarmStartConfig: only tuning jobs with one training job definition can warm start."
    return _difference(name, parent, bodies[0], definition, warm_start_type)


def _difference(
    name: str, parent: Document, body: Document, definition: Definition, warm_start_type: str
) -> str:
    metric, kind = _objective(parent, body)
    if (metric, kind) != (definition.metric, definition.objective_type):
        return (
            f"WarmStartConfig: the parent tuning job '{name}' has the objective {kind} '{metric}', "
            f"this one {definition.objective_type} '{definition.metric}'; they must be the same."
        )
    count, parents_count = _count(definition.body, definition.ranges), _parents_count(parent, body)
    if count != parents_count:
        return (
            f"WarmStartConfig: the tuning job has {count} hyperparameters, static and tuned, but "
            f"its parent '{name}' has {parents_count}; the number must stay the same."
        )
    if warm_start_type == IDENTICAL:
        for key, mine, theirs in _identical(definition.body, body):
            if mine != theirs:
                return (
                    f"WarmStartConfig: {key} differs from that of the parent tuning job '{name}'; "
                    "use the WarmStartType TransferLearning."
                )
    return ""


def _count(body: Mapping[str, Any], ranges: Sequence[Any]) -> int:
    static = body.get("StaticHyperParameters") or {}
    return len(ranges) + len(static.keys() - {OBJECTIVE_HYPERPARAMETER})


def _parents_count(parent: Document, body: Document) -> int:
    config = parent["HyperParameterTuningJobConfig"]
    ranges = body.get("HyperParameterRanges") or config["ParameterRanges"]
    return _count(body, [entry for entries in ranges.values() for entry in entries])


def _identical(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    image = "TrainingImage"
    mine_image = mine["AlgorithmSpecification"].get(image)
    their_image = theirs["AlgorithmSpecification"].get(image)
    data = "InputDataConfig"
    return [(image, mine_image, their_image), (data, mine.get(data), theirs.get(data))]


def _bodies(parent: Document) -> list[Document]:
    single = parent.get("TrainingJobDefinition")
    return [single] if single else list(parent["TrainingJobDefinitions"])


def _objective(parent: Document, body: Document) -> tuple[str, str]:
    config = parent["HyperParameterTuningJobConfig"]
    objective = body.get("TuningObjective") or config["HyperParameterTuningJobObjective"]
    return objective["MetricName"], objective["Type"]


def observations(parents: list[Document]) -> list[Observation]:
    """All trials of the parents with their objective and all their hyperparameters.

    A hyperparameter that was static then may have a range now, so the static ones come too.
    """
    found = []
    for parent in parents:
        static = _bodies(parent)[0].get("StaticHyperParameters") or {}
        for summary in succeeded(parent["_trials"]):
            values = {**static, **summary["TunedHyperParameters"]}
            found.append(Observation(values, objective_value(summary)))
    return found


def best_of_parents(parents: list[Document]) -> list[Summary]:
    """The best trial of each parent (or of its own parents), with the name of its tuning job."""
    found = []
    for parent in parents:
        own = {"TuningJobName": parent["HyperParameterTuningJobName"]}
        summary = parent.get("OverallBestTrainingJob") or parent.get("BestTrainingJob")
        if summary:
            found.append({**own, **summary})
    return found
