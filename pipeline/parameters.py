"""The pipeline's parameters: what one execution may choose, with defaults from the settings.

`build` makes the SDK's parameter objects. `start_parameters` checks the values that a user gives to
an execution against a compiled definition; it needs no SDK.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from errors import BreedlineError
from settings import Settings

# Limits that the definition language cannot express: name -> (least, most).
_LIMITS: dict[str, tuple[float, float]] = {
    "AccuracyThreshold": (0.0, float("inf")),  # over 1 rejects every model
    "Epochs": (1, 10_000),
    "R2Threshold": (0.0, float("inf")),
    "Trees": (1, 10_000),
    "TrainingInstanceCount": (1, 64),
    "TuningInstanceCount": (1, 64),
    "TuningMaxJobs": (1, 750),
    "TuningMaxParallelJobs": (1, 100),
}

_NUMBERS = {
    "Integer": re.compile(r"-?[0-9]+"),
    "Float": re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE),
}
_S3_URI = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?")


def build(settings: Settings) -> dict[str, Any]:
    """The SDK's parameters by name, in the order in which they are shown."""
    made = [*_data(settings), *_machines(settings), *_work(settings), *warm_start(settings)]
    return {parameter.name: parameter for parameter in made}


def _data(settings: Settings) -> list[Any]:
    from sagemaker.workflow.parameters import ParameterString

    data = settings.data
    return [
        ParameterString("InputDataUri", default_value=settings.data_uri),
        ParameterString(
            "TrainingDataType",
            default_value=data.data_type,
            enum_values=["ManifestFile", "S3Prefix"],
        ),
        ParameterString(
            "TrainingInputMode", default_value=data.input_mode, enum_values=["File", "FastFile"]
        ),
        ParameterString(
            "TrainingDataDistribution",
            default_value=data.distribution,
            enum_values=["FullyReplicated", "ShardedByS3Key"],
        ),
    ]


def _machines(settings: Settings) -> list[Any]:
    from sagemaker.workflow.parameters import ParameterBoolean, ParameterInteger, ParameterString

    return [
        ParameterString("PrepareInstanceType", default_value=settings.prepare.instance_type),
        ParameterString("TuningInstanceType", default_value=settings.tuning.instance_type),
        ParameterInteger("TuningInstanceCount", default_value=settings.tuning.instance_count),
        ParameterString("TrainingInstanceType", default_value=settings.training.instance_type),
        ParameterInteger("TrainingInstanceCount", default_value=settings.training.instance_count),
        ParameterString("EvaluateInstanceType", default_value=settings.evaluate.instance_type),
        ParameterBoolean("UseSpot", default_value=settings.spot.enabled),
    ]


def _work(settings: Settings) -> list[Any]:
    from sagemaker.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString

    tuning, pipeline = settings.tuning, settings.pipeline
    # A grid is its own budget: SageMaker runs all of it.
    budget = (
        []
        if tuning.strategy == "Grid"
        else [ParameterInteger("TuningMaxJobs", default_value=tuning.max_jobs)]
    )
    statuses = ["PendingManualApproval", "Approved", "Rejected"]
    return [
        *budget,
        ParameterInteger("TuningMaxParallelJobs", default_value=tuning.max_parallel_jobs),
        ParameterInteger("Epochs", default_value=settings.model.epochs),
        ParameterFloat("AccuracyThreshold", default_value=pipeline.accuracy_threshold),
        ParameterString(
            "ModelApprovalStatus", default_value=pipeline.approval_status, enum_values=statuses
        ),
    ]


def warm_start(settings: Settings) -> list[Any]:
    """One parameter for each parent tuning job that the settings name."""
    from sagemaker.workflow.parameters import ParameterString

    parents = settings.tuning.warm_start_parents
    return [
        ParameterString(f"WarmStartParent{i}", default_value=name)
        for i, name in enumerate(parents, 1)
    ]


def start_parameters(
    definition: Mapping[str, Any], values: Mapping[str, str]
) -> list[dict[str, str]]:
    """`PipelineParameters` of StartPipelineExecution for the values a user gave.

    Raises:
        BreedlineError: unknown names, values of the wrong type or outside their limits; all of
            them in the one message.
    """
    declared = {parameter["Name"]: parameter for parameter in definition["Parameters"]}
    problems = []
    for name, value in values.items():
        problem = _problem(declared, name, value) or _spot_problem(definition, name, value)
        if problem:
            problems.append(problem)
    problems = problems or _budget_problems(declared, values)
    if problems:
        raise BreedlineError("\n".join(problems))
    return [{"Name": name, "Value": value} for name, value in sorted(values.items())]


def _problem(declared: Mapping[str, Any], name: str, value: str) -> str | None:
    if name not in declared:
        near = difflib.get_close_matches(name, list(declared), n=1, cutoff=0.5)
        hint = f" (did you mean {near[0]}?)" if near else ""
        return f"The pipeline has no parameter {name}{hint}; it has {', '.join(declared)}."
    allowed = _allowed(declared[name], value)
    return f"Parameter {name} is '{value}'; allowed: {allowed}." if allowed else None


def _allowed(parameter: Mapping[str, Any], value: str) -> str | None:
    """What the parameter allows, where `value` is not it; else None."""
    kind, options = parameter["Type"], parameter.get("EnumValues")
    if options:
        return None if value in options else " or ".join(options)
    if kind == "Boolean":
        return None if value in ("true", "false") else "true or false"
    if kind == "String":
        return _allowed_text(parameter["Name"], value)
    least, most = _LIMITS.get(parameter["Name"], (float("-inf"), float("inf")))
    word = "a whole number" if kind == "Integer" else "a number"
    number = float(value) if _NUMBERS[kind].fullmatch(value) else float("nan")
    if least <= number <= most:
        return None
    low = f" from {least:g}" if least > float("-inf") else ""
    return f"{word}{low}" + (f" to {most:g}" if most < float("inf") else "")


def _allowed_text(name: str, value: str) -> str | None:
    if name == "InputDataUri":
        return None if _S3_URI.fullmatch(value) else "an S3 URI, as s3://bucket/path"
    return None if value else "a text that is not empty"


def _spot_problem(definition: Mapping[str, Any], name: str, value: str) -> str | None:
    # SageMaker wants MaxWaitTimeInSeconds with spot and refuses it without, and a definition
    # cannot leave a field out by parameter: docs/decisions has the reasons.
    if name != "UseSpot":
        return None
    train = next(step for step in definition["Steps"] if step["Name"] == "Train")
    compiled = "MaxWaitTimeInSeconds" in train["Arguments"]["StoppingCondition"]
    if (value == "true") == compiled:
        return None
    wanted = "true" if value == "true" else "false"
    return (
        f"Parameter UseSpot is '{value}', but the deployed definition was compiled "
        f"{'with' if compiled else 'without'} a spot waiting time: set spot.enabled = {wanted} "
        "in environments.toml and upsert."
    )


def _budget_problems(declared: Mapping[str, Any], values: Mapping[str, str]) -> list[str]:
    names = ("TuningMaxParallelJobs", "TuningMaxJobs")
    if not all(name in declared for name in names):
        return []
    parallel, jobs = (
        int(values.get(name, declared[name].get("DefaultValue", 1))) for name in names
    )
    if parallel <= jobs:
        return []
    return [
        f"Parameter TuningMaxParallelJobs is '{parallel}'; allowed: at most TuningMaxJobs ({jobs})."
    ]
