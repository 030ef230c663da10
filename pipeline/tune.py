"""The Tune step: a hyperparameter tuning job on the validation loss."""

from __future__ import annotations

from typing import Any

from pipeline.context import Context
from pipeline.train import (
    Machines,
    channels,
    estimator,
    fixed_hyperparameters,
    metric_definitions,
)
from settings.pipeline import Range

OBJECTIVE = "validation:loss"


def tune_step(context: Context, prepare: Any) -> Any:
    """Tune; its best trial gives Train its hyperparameters."""
    from sagemaker.workflow.steps import TuningStep

    return TuningStep(
        name="Tune",
        step_args=_tuner(context, prepare).fit(channels(context, prepare)),
        cache_config=context.caching(),
        retry_policies=context.job_retries(),
    )


def _tuner(context: Context, prepare: Any) -> Any:
    from sagemaker.tuner import HyperparameterTuner

    tuning, parameters = context.settings.tuning, context.parameters
    machines = Machines(tuning, parameters["TuningInstanceType"], parameters["TuningInstanceCount"])
    return HyperparameterTuner(
        estimator(context, prepare, machines, fixed_hyperparameters(context), "tune"),
        objective_metric_name=OBJECTIVE,
        objective_type="Minimize",
        metric_definitions=metric_definitions(),
        hyperparameter_ranges={name: _range(span) for name, span in tuning.ranges.items()},
        strategy=tuning.strategy,
        strategy_config=_strategy(context),
        # A grid has no budget parameter: its size follows from its ranges.
        max_jobs=parameters.get("TuningMaxJobs"),
        max_parallel_jobs=parameters["TuningMaxParallelJobs"],
        early_stopping_type=tuning.early_stopping,
        random_seed=tuning.seed,
        warm_start_config=_warm_start(context),
        tags=context.tags,
    )


def _range(span: Range) -> Any:
    from sagemaker.tuner import CategoricalParameter, ContinuousParameter, IntegerParameter

    if span.type == "categorical":
        return CategoricalParameter(list(span.values))
    if span.type == "integer":
        return IntegerParameter(int(span.min), int(span.max), span.scaling)
    return ContinuousParameter(span.min, span.max, span.scaling)


def _strategy(context: Context) -> Any:
    from sagemaker.tuner import HyperbandStrategyConfig, StrategyConfig

    if context.settings.tuning.strategy != "Hyperband":
        return None
    # A resource is one epoch, the interval at which train.py prints the objective.
    span = HyperbandStrategyConfig(max_resource=context.settings.model.epochs, min_resource=1)
    return StrategyConfig(hyperband_strategy_config=span)


def _warm_start(context: Context) -> Any:
    from sagemaker.tuner import WarmStartConfig, WarmStartTypes

    count = len(context.settings.tuning.warm_start_parents)
    if not count:
        return None
    # The SDK wants a set and its order is random: `definition` sorts the parents.
    parents = {context.parameters[f"WarmStartParent{i}"] for i in range(1, count + 1)}
    kind = WarmStartTypes(context.settings.tuning.warm_start_type)
    return WarmStartConfig(kind, parents)
