"""Compiles the pipeline: settings and code packages in, a definition of version 2020-12-01 out.

    Prepare -> Tune -> Train -> Evaluate -> Gate -> Register | Reject

Pure: no network, clock, environment or randomness; equal settings and code give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from errors import BreedlineError
from pipeline import parameters
from pipeline.context import Context
from pipeline.evaluate import evaluate_step
from pipeline.gate import gate_step
from pipeline.prepare import prepare_step
from pipeline.register import register_step
from pipeline.sdk import offline_session
from pipeline.train import train_step
from pipeline.tune import tune_step
from pipeline.workload import Graph
from settings import Settings

MAX_CHARACTERS = 1_048_576


def image_steps(context: Context) -> list[Any]:
    """The steps above, of an image classifier."""
    prepare = prepare_step(context)
    tune = tune_step(context, prepare)
    train = train_step(context, prepare, tune)
    evaluate = evaluate_step(context, prepare, train)
    gate = gate_step(context, register_step(context, train, evaluate))
    return [prepare, tune, train, evaluate, gate]


IMAGES = Graph(parameters.build, image_steps, ("evaluate", "prepare", "train"), "pytorch")


def compile_pipeline(
    settings: Settings, code: Mapping[str, str], graph: Graph = IMAGES
) -> dict[str, Any]:
    """The pipeline definition of `settings`, with `code` the S3 URI of each step's package.

    `code` has the keys prepare and evaluate (prefixes) and train (a sourcedir.tar.gz); `graph` is
    that of the settings' kind of model.

    Raises:
        BreedlineError: a code package is missing, or the definition is too large for SageMaker.
    """
    missing = [step for step in graph.code if step not in code]
    if missing:
        raise BreedlineError(f"The pipeline needs the code package of {', '.join(missing)}.")
    with offline_session(settings.aws.region, settings.bucket) as session:
        context = Context(settings, code, graph.parameters(settings), session, graph.framework)
        definition: dict[str, Any] = json.loads(_compile(context, graph))
    definition = _stable(definition)
    size = len(render(definition))
    if size > MAX_CHARACTERS:
        raise BreedlineError(
            f"The pipeline definition has {size} characters; SageMaker allows {MAX_CHARACTERS}."
        )
    return definition


def render(definition: Mapping[str, Any]) -> str:
    """The one text form of a definition: what is uploaded, hashed and compared."""
    return json.dumps(definition, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _compile(context: Context, graph: Graph) -> str:
    from sagemaker.workflow.pipeline import Pipeline

    made = Pipeline(
        name=context.settings.pipeline.name,
        parameters=list(context.parameters.values()),
        steps=graph.steps(context),
        sagemaker_session=context.session,
        # Without an experiment per execution: the execution itself keeps the record.
        pipeline_experiment_config=None,
    )
    return str(made.definition())


def _stable(definition: dict[str, Any]) -> dict[str, Any]:
    """The SDK's document without what changes from one compilation to the next."""
    definition.pop("PipelineExperimentConfig", None)
    for step in _steps(definition["Steps"]):
        if step["Name"] == "Register-RegisterModel":
            step["Name"] = "Register"
        if step["Type"] == "Tuning":
            _make_tuning_stable(step["Arguments"])
    return definition


def _make_tuning_stable(arguments: dict[str, Any]) -> None:
    # The SDK puts a job name with the current time among the hyperparameters,
    del arguments["TrainingJobDefinition"]["StaticHyperParameters"]["sagemaker_job_name"]
    # writes null for a grid, which has no number of trials,
    limits = arguments["HyperParameterTuningJobConfig"]["ResourceLimits"]
    if limits["MaxNumberOfTrainingJobs"] is None:
        del limits["MaxNumberOfTrainingJobs"]
    # and keeps warm start parents in a set.
    parents = arguments.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", [])
    parents.sort(key=lambda parent: str(parent["HyperParameterTuningJobName"]["Get"]))


def _steps(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield step
        if step["Type"] == "Condition":
            for branch in ("IfSteps", "ElseSteps"):
                yield from _steps(step["Arguments"][branch])
