"""The Train step, and the estimator and channels that it shares with tuning.

Tuning and training run one script with one set of hyperparameters; only where the tuned values come
from differs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.context import Context
from pipeline.prepare import splits_uri
from settings.pipeline import Debugger, Training, Tuning
from settings.types import RULES

METRICS = (
    *("train:loss", "train:accuracy", "validation:loss", "validation:accuracy"),
    *(f"rule:{rule}" for rule in RULES),  # 1 when a rule that watches training finds something
)


@dataclass(frozen=True)
class Machines:
    """What a training job runs on: literal limits, and the parameters for type and count."""

    limits: Tuning | Training
    instance_type: Any
    instance_count: Any


def train_step(context: Context, prepare: Any, tune: Any) -> Any:
    """Train with the best trial's hyperparameters on several hosts."""
    from sagemaker.workflow.steps import TrainingStep

    machines = Machines(
        context.settings.training,
        context.parameters["TrainingInstanceType"],
        context.parameters["TrainingInstanceCount"],
    )
    # SageMaker keeps tuned values as the strings that the trial received (a categorical value is
    # JSON-quoted), so that they go to this job as they are.
    best = tune.properties.BestTrainingJob.TunedHyperParameters
    tuned = {name: best[name] for name in context.settings.tuning.ranges}
    made = estimator(
        context, prepare, machines, {**fixed_hyperparameters(context), **tuned}, "train"
    )
    return TrainingStep(
        name="Train",
        step_args=made.fit(channels(context, prepare)),
        cache_config=context.caching(),
        retry_policies=context.job_retries(),
    )


def fixed_hyperparameters(context: Context) -> dict[str, Any]:
    """Hyperparameters that no range tunes."""
    model = context.settings.model
    everything: dict[str, Any] = {
        "backbone": model.backbone,
        "fine_tune": model.fine_tune,
        "epochs": context.parameters["Epochs"],
        "batch_size": model.batch_size,
        "learning_rate": model.learning_rate,
        "weight_decay": model.weight_decay,
        "hidden_units": model.hidden_units,
        "patience": model.patience,
        "seed": model.seed,
        "image_size": model.image_size,
        **watch_hyperparameters(context.settings.debugger),
    }
    tuned = context.settings.tuning.ranges
    return {name: value for name, value in everything.items() if name not in tuned}


def watch_hyperparameters(debugger: Debugger) -> dict[str, Any]:
    """Hyperparameters of the rules that watch training."""
    return {**asdict(debugger), "stop_on_rules": ",".join(debugger.stop_on_rules) or "none"}


def metric_definitions() -> list[dict[str, str]]:
    """One regular expression per metric, for the lines that train.py prints."""
    return [{"Name": name, "Regex": rf"{name}=([0-9.eE+-]+)"} for name in METRICS]


def estimator(
    context: Context, prepare: Any, machines: Machines, hyperparameters: dict[str, Any], step: str
) -> Any:
    """The PyTorch estimator of `step`: script mode on a code package that is already in S3."""
    from sagemaker.pytorch import PyTorch

    settings, limits = context.settings, machines.limits
    return PyTorch(
        entry_point="train.py",
        source_dir=context.code["train"],
        image_uri=context.image_uri("training", limits.instance_type),
        role=settings.jobs_role_arn,
        instance_type=machines.instance_type,
        instance_count=machines.instance_count,
        volume_size=limits.volume_gb,
        max_run=limits.max_runtime_seconds,
        use_spot_instances=context.parameters["UseSpot"],
        # Present only with spot, as SageMaker demands; see docs/decisions.
        max_wait=settings.spot.max_wait_seconds if settings.spot.enabled else None,
        hyperparameters=hyperparameters,
        metric_definitions=metric_definitions(),
        input_mode=context.parameters["TrainingInputMode"],
        output_path=context.execution_uri(step),
        # Part of the cache key, so it must not hold the execution's id: it hangs from Prepare's
        # output, which stays the same when Prepare is reused. The step's name keeps Train from
        # resuming at the end of the best trial, whose hyperparameters and data are its own.
        checkpoint_s3_uri=_under(prepare, "checkpoints", step),
        volume_kms_key=context.kms_key,
        output_kms_key=context.kms_key,
        tags=context.tags,
        # Profiler rules carry a timestamp in their configuration and would defeat caching.
        disable_profiler=True,
        debugger_hook_config=False,
        sagemaker_session=context.session,
        **vpc(context),
    )


def vpc(context: Context) -> dict[str, Any]:
    """The network of training jobs; nothing outside a VPC."""
    aws = context.settings.aws
    if not aws.subnets:
        return {}
    return {
        "subnets": list(aws.subnets),
        "security_group_ids": list(aws.security_groups),
        "encrypt_inter_container_traffic": True,
    }


def channels(context: Context, prepare: Any) -> dict[str, Any]:
    """The channels train, validation, dataset and, where configured, pretrained."""
    from sagemaker.inputs import TrainingInput

    distribution = context.parameters["TrainingDataDistribution"]
    found = {
        "train": split_channel(context, prepare, "train", distribution),
        # Every host measures the whole validation split or its own part of it: train.py decides.
        "validation": split_channel(context, prepare, "validation", "FullyReplicated"),
        "dataset": TrainingInput(_under(prepare, "dataset"), input_mode="File"),
    }
    if context.settings.model.pretrained_uri:
        found["pretrained"] = TrainingInput(
            context.settings.model.pretrained_uri, input_mode="File"
        )
    return found


def split_channel(context: Context, prepare: Any, split: str, distribution: Any) -> Any:
    """A channel over one split; the object or prefix is named after its own S3DataType."""
    from sagemaker.inputs import TrainingInput

    data_type = context.parameters["TrainingDataType"]
    return TrainingInput(
        _under(prepare, split, data_type), s3_data_type=data_type, distribution=distribution
    )


def _under(prepare: Any, *parts: Any) -> Any:
    from sagemaker.workflow.functions import Join

    return Join(on="/", values=[splits_uri(prepare), *parts])
