"""The pipeline of a tabular regression: Prepare -> Train -> Evaluate -> Gate -> Register | Reject.

Pure: settings and code packages in, the SDK's steps out. There is nothing to tune that a random
forest would thank for, so that it has no Tune; it trains on one host, because scikit-learn knows no
others. Everything else is the machinery that image classifiers use.
"""

from __future__ import annotations

from typing import Any

from pipeline.context import Context
from pipeline.evaluate import Measured, measuring_step
from pipeline.gate import Bar, gate_step
from pipeline.prepare import PLACES, prepare_step, splits_uri
from pipeline.register import Offer, register_step
from pipeline.train import vpc
from pipeline.workload import Graph
from settings import Settings

METRICS = tuple(
    f"{split}:{figure}" for split in ("train", "validation") for figure in ("rmse", "mae", "r2")
)
R2 = "regression_metrics.r2.value"
BAR = Bar(
    word="R²",
    measured=R2,
    threshold="R2Threshold",
    to_beat="breedline.champion.r2_to_beat",
    champion="breedline.champion.r2",
    without="none",
)
OFFER = Offer("Tabular regression", ["application/json", "text/csv"], "r2", R2)


def parameters(settings: Settings) -> dict[str, Any]:
    """The SDK's parameters by name, in the order in which they are shown."""
    from sagemaker.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString

    statuses = ["PendingManualApproval", "Approved", "Rejected"]
    made = [
        ParameterString("InputDataUri", default_value=settings.data_uri),
        ParameterString("PrepareInstanceType", default_value=settings.prepare.instance_type),
        ParameterString("TrainingInstanceType", default_value=settings.training.instance_type),
        ParameterString("EvaluateInstanceType", default_value=settings.evaluate.instance_type),
        ParameterInteger("Trees", default_value=settings.regression.trees),
        ParameterFloat("R2Threshold", default_value=settings.regression.r2_threshold),
        ParameterString(
            "ModelApprovalStatus",
            default_value=settings.pipeline.approval_status,
            enum_values=statuses,
        ),
    ]
    return {parameter.name: parameter for parameter in made}


def steps(context: Context) -> list[Any]:
    """The steps above."""
    prepare = prepare_step(context, _prepare_options(context))
    train = _train_step(context, prepare)
    measured = Measured(test=_under(prepare, "test"), dataset=_under(prepare, "dataset"))
    evaluate = measuring_step(context, train, measured)
    gate = gate_step(context, register_step(context, train, evaluate, OFFER), BAR)
    return [prepare, train, evaluate, gate]


GRAPH = Graph(parameters, steps, ("evaluate", "prepare", "train"), "sklearn")


def _prepare_options(context: Context) -> dict[str, Any]:
    prepare = context.settings.prepare
    return {
        **PLACES,
        "target": context.settings.regression.target,
        "validation-fraction": str(prepare.validation_fraction),
        "test-fraction": str(prepare.test_fraction),
        "max-rejected-fraction": str(prepare.max_rejected_fraction),
        "seed": str(prepare.seed),
    }


def _train_step(context: Context, prepare: Any) -> Any:
    from sagemaker.inputs import TrainingInput
    from sagemaker.workflow.steps import TrainingStep

    channels = {
        name: TrainingInput(_under(prepare, name), input_mode="File")
        for name in ("train", "validation", "dataset")
    }
    return TrainingStep(
        name="Train",
        step_args=_estimator(context).fit(channels),
        cache_config=context.caching(),
        retry_policies=context.job_retries(),
    )


def _estimator(context: Context) -> Any:
    """Script mode in AWS's scikit-learn image, on a code package that is already in S3."""
    from sagemaker.sklearn import SKLearn

    settings, limits, forest = (
        context.settings,
        context.settings.training,
        context.settings.regression,
    )
    return SKLearn(
        entry_point="train.py",
        source_dir=context.code["train"],
        image_uri=context.image_uri("training", limits.instance_type),
        role=settings.jobs_role_arn,
        instance_type=context.parameters["TrainingInstanceType"],
        instance_count=1,
        volume_size=limits.volume_gb,
        max_run=limits.max_runtime_seconds,
        hyperparameters={
            "trees": context.parameters["Trees"],
            "min_samples_leaf": forest.min_samples_leaf,
            "max_features": forest.max_features,
            "seed": forest.seed,
        },
        metric_definitions=[{"Name": name, "Regex": rf"{name}=([0-9.eE+-]+)"} for name in METRICS],
        output_path=context.execution_uri("train"),
        volume_kms_key=context.kms_key,
        output_kms_key=context.kms_key,
        tags=context.tags,
        # Profiler rules carry a timestamp in their configuration and would defeat caching.
        disable_profiler=True,
        debugger_hook_config=False,
        sagemaker_session=context.session,
        **vpc(context),
    )


def _under(prepare: Any, part: str) -> Any:
    from sagemaker.workflow.functions import Join

    return Join(on="/", values=[splits_uri(prepare), part])
