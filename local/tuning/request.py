"""CreateHyperParameterTuningJob, read and checked as a whole: the request in, a Plan out.

Pure. Every fault that can be seen without looking at other resources is found at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.errors import validation_error
from local.tuning.ranges import CategoricalRange, Range, combinations, parse_ranges
from local.tuning.search import Resources

EPOCHS_NAMES = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
MOST_RESOURCES = 20_000
SHORTEST_RUNTIME = 120  # seconds


@dataclass(frozen=True)
class Definition:
    """One training job definition: what is trained, what is searched, what is measured."""

    name: str
    body: Mapping[str, Any]
    objective_type: str
    metric: str
    regex: str
    ranges: tuple[Range, ...]

    @property
    def combinations(self) -> int:
        """How many different trials a grid over it has."""
        return combinations(self.ranges) or 0


@dataclass(frozen=True)
class Plan:
    """A tuning job as it will run; `seconds`, `target` and `patience` are None for no limit."""

    strategy: str
    definitions: tuple[Definition, ...]
    jobs: int
    parallel: int
    seconds: int | None
    median_stopping: bool
    target: float | None
    patience: int | None
    resources: Resources | None
    seed: int


def read_plan(request: Mapping[str, Any], random_seed: int) -> Plan:
    """The plan of a request, with `random_seed` where it has none.

    Raises ApiError (ValidationException) with one sentence for each fault.
    """
    faults: list[str] = []
    config = request["HyperParameterTuningJobConfig"]
    if request.get("Autotune"):
        faults.append(
            "Autotune: the local tuner does not choose ranges and limits by itself; give "
            "ParameterRanges and ResourceLimits."
        )
    definitions = _definitions(request, faults)
    plan = Plan(
        strategy=config["Strategy"],
        definitions=definitions,
        jobs=_jobs(config, definitions, faults),
        parallel=int(config["ResourceLimits"]["MaxParallelTrainingJobs"]),
        seconds=_seconds(config["ResourceLimits"], faults),
        median_stopping=config.get("TrainingJobEarlyStoppingType", "Off") == "Auto",
        target=_criteria(config).get("TargetObjectiveMetricValue"),
        patience=_patience(config, faults),
        resources=_resources(config, definitions, faults),
        seed=int(config.get("RandomSeed", random_seed)),
    )
    if faults:
        raise validation_error(" ".join(faults))
    return plan


def _definitions(request: Mapping[str, Any], faults: list[str]) -> tuple[Definition, ...]:
    single, several = request.get("TrainingJobDefinition"), request.get("TrainingJobDefinitions")
    if bool(single) == bool(several):
        faults.append("Give either TrainingJobDefinition or TrainingJobDefinitions, not both.")
        return ()
    if single:
        config = request["HyperParameterTuningJobConfig"]
        shared = {
            "TuningObjective": config.get("HyperParameterTuningJobObjective"),
            "HyperParameterRanges": config.get("ParameterRanges"),
        }
        return (_definition({**shared, **single}, "", faults),)
    read = tuple(_definition(b, b.get("DefinitionName", ""), faults) for b in several or [])
    _check_together(read, faults)
    return read


def _check_together(definitions: tuple[Definition, ...], faults: list[str]) -> None:
    names = [definition.name for definition in definitions]
    if "" in names or len(set(names)) < len(names):
        faults.append("TrainingJobDefinitions: each needs a DefinitionName of its own.")
    if len({definition.objective_type for definition in definitions}) > 1:
        faults.append("TrainingJobDefinitions: all need the same TuningObjective Type.")


def _definition(body: Mapping[str, Any], name: str, faults: list[str]) -> Definition:
    ranges, found = parse_ranges(body.get("HyperParameterRanges") or {})
    objective = body.get("TuningObjective") or {}
    metrics = body["AlgorithmSpecification"].get("MetricDefinitions") or []
    regex = {metric["Name"]: metric["Regex"] for metric in metrics}
    metric = objective.get("MetricName", "")
    if not objective:
        found.append("The objective is missing; give its Type and MetricName.")
    elif metric not in regex:
        known = ", ".join(sorted(regex)) or "none"
        found.append(
            f"The objective metric '{metric}' has no regular expression; the MetricDefinitions "
            f"have {known}."
        )
    found += _static_faults(body, ranges) + _resource_config_faults(body)
    faults += [f"{name}: {fault}" if name else fault for fault in found]
    kind = objective.get("Type", "Minimize")
    return Definition(name, body, kind, metric, regex.get(metric, ""), tuple(ranges))


def _static_faults(body: Mapping[str, Any], ranges: list[Range]) -> list[str]:
    static = body.get("StaticHyperParameters") or {}
    both = sorted(found.name for found in ranges if found.name in static)
    faults = [
        f"Hyperparameter '{name}' is static and has a range; keep one of the two." for name in both
    ]
    if not ranges:
        faults.append("There is no hyperparameter range, so nothing to tune; give at least one.")
    return faults


def _resource_config_faults(body: Mapping[str, Any]) -> list[str]:
    tuning = body.get("HyperParameterTuningResourceConfig")
    if bool(tuning) == bool(body.get("ResourceConfig")):
        return ["Give either ResourceConfig or HyperParameterTuningResourceConfig, not both."]
    if tuning and bool(tuning.get("InstanceConfigs")) == bool(tuning.get("InstanceType")):
        return ["HyperParameterTuningResourceConfig: give InstanceType or InstanceConfigs."]
    return []


def _jobs(config: Mapping[str, Any], definitions: tuple[Definition, ...], faults: list[str]) -> int:
    asked = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    if config["Strategy"] != "Grid":
        if asked is None:
            faults.append("ResourceLimits: MaxNumberOfTrainingJobs is missing.")
        return int(asked or 0)
    ranges = [found for definition in definitions for found in definition.ranges]
    uneven = sorted(found.name for found in ranges if not isinstance(found, CategoricalRange))
    if uneven:
        faults.append(
            f"The Grid strategy takes categorical ranges only; {', '.join(uneven)} must list its "
            "values in CategoricalParameterRanges."
        )
        return 0
    total = sum(definition.combinations for definition in definitions)
    if asked is not None and int(asked) != total:
        faults.append(
            f"MaxNumberOfTrainingJobs is {asked}, but this grid has {total} combinations; give "
            f"{total} or leave it out."
        )
    return total


def _seconds(limits: Mapping[str, Any], faults: list[str]) -> int | None:
    seconds = limits.get("MaxRuntimeInSeconds")
    if seconds is not None and int(seconds) < SHORTEST_RUNTIME:
        faults.append(f"MaxRuntimeInSeconds is {seconds}; at least {SHORTEST_RUNTIME} is allowed.")
    return None if seconds is None else int(seconds)


def _criteria(config: Mapping[str, Any]) -> Mapping[str, Any]:
    criteria: Mapping[str, Any] = config.get("TuningJobCompletionCriteria") or {}
    return criteria


def _patience(config: Mapping[str, Any], faults: list[str]) -> int | None:
    converged = _criteria(config).get("ConvergenceDetected") or {}
    if converged.get("CompleteOnConvergence") == "Enabled":
        faults.append(
            "ConvergenceDetected: the local tuner does not detect convergence; use "
            "BestObjectiveNotImproving or TargetObjectiveMetricValue."
        )
    stalled = _criteria(config).get("BestObjectiveNotImproving") or {}
    patience = stalled.get("MaxNumberOfTrainingJobsNotImproving")
    return None if patience is None else int(patience)


def _resources(
    config: Mapping[str, Any], definitions: tuple[Definition, ...], faults: list[str]
) -> Resources | None:
    given = (config.get("StrategyConfig") or {}).get("HyperbandStrategyConfig") or {}
    if config["Strategy"] != "Hyperband":
        if given:
            faults.append(
                "HyperbandStrategyConfig belongs to the strategy Hyperband; leave it out."
            )
        return None
    if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        faults.append("Hyperband stops trials itself; set TrainingJobEarlyStoppingType to Off.")
    least, most = int(given.get("MinResource", 1)), given.get("MaxResource")
    inferred = [epochs for epochs in map(static_epochs, definitions) if epochs]
    most = int(most) if most is not None else max(inferred, default=0)
    if not least <= most <= MOST_RESOURCES:
        faults.append(
            f"Hyperband: MinResource is {least} and MaxResource {most or 'missing'}; give "
            f"MinResource <= MaxResource <= {MOST_RESOURCES}, or a static hyperparameter 'epochs'."
        )
    return Resources(least, most)


def static_epochs(definition: Definition) -> int | None:
    """The epochs that the training script is told to run, or None when it is not told."""
    static = definition.body.get("StaticHyperParameters") or {}
    for name in EPOCHS_NAMES:
        try:
            epochs = float(str(static[name]).strip('"'))
        except (KeyError, ValueError):
            continue
        return int(epochs) if math.isfinite(epochs) else None
    return None
