"""The sections that describe the pipeline: data, tuning, training, evaluation, registration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from settings.checks import many, text, within
from settings.types import (
    CHECKED,
    FROZEN,
    TUNABLE,
    Duration,
    Fraction,
    Gigabytes,
    Hosts,
    InstanceType,
    InstanceTypes,
    Limit,
    Name,
    Numeral,
    ProcessingSeconds,
    PythonName,
    Rule,
    S3Uri,
    Seed,
    TrainingSeconds,
    Tunable,
    TuningJob,
    Version,
)

PACKAGED = ("efficientnet_lite0",)  # backbones whose pretrained weights a Python package brings
RANGES = f"a table with some of {', '.join(TUNABLE)}"


@dataclass(frozen=True, config=CHECKED)
class Images:
    """Versions of AWS's images; the SDK's own tables say which exist."""

    training_version: Version = "2.8.0"
    training_python: PythonName = "py312"
    inference_version: Version = "2.6.0"
    inference_python: PythonName = "py312"
    # Jobs of a tabular regression; the arrays that it trains serve in the PyTorch image.
    sklearn_version: Annotated[str, text(r"\d+\.\d+-\d+", "a version such as 1.4-2")] = "1.4-2"


@dataclass(frozen=True, config=CHECKED)
class Pipeline:
    """The pipeline as a whole: names, the gate, caching."""

    name: Name = "breedline"
    model_package_group: Name = "breedline"
    data_uri: S3Uri = ""
    accuracy_threshold: Fraction = 0.8
    champion_tolerance: Fraction = 0.0
    approval_status: Literal["PendingManualApproval", "Approved", "Rejected"] = (
        "PendingManualApproval"
    )
    cache_expiry: Duration = "P30D"
    max_parallel_steps: Annotated[int, within(1, 100)] = 10


@dataclass(frozen=True, config=CHECKED)
class Data:
    """How the training channels deliver the data set."""

    data_type: Literal["ManifestFile", "S3Prefix"] = "ManifestFile"
    input_mode: Literal["File", "FastFile"] = "File"
    distribution: Literal["FullyReplicated", "ShardedByS3Key"] = "FullyReplicated"


@dataclass(frozen=True, config=CHECKED)
class Prepare:
    """The processing job that validates and splits the data set."""

    instance_type: InstanceType = "ml.m5.large"
    volume_gb: Gigabytes = 30
    max_runtime_seconds: ProcessingSeconds = 3_600
    validation_fraction: Fraction = 0.15
    test_fraction: Fraction = 0.15
    max_rejected_fraction: Fraction = 0.1
    min_images_per_class: Annotated[int, within(1, 1_000_000)] = 5
    seed: Seed = 7


@dataclass(frozen=True, config=CHECKED)
class Model:
    """The network and its fixed hyperparameters; a tuned one is the start, not the answer."""

    backbone: Literal["efficientnet_lite0", "resnet18", "resnet50"] = "efficientnet_lite0"
    fine_tune: Literal["head", "all"] = "head"
    epochs: Annotated[int, within(1, 10_000)] = 30
    batch_size: Annotated[int, within(1, 65_536)] = 32
    learning_rate: Annotated[float, within(1e-8, 10.0)] = 0.002
    weight_decay: Annotated[float, within(0.0, 10.0)] = 0.0001
    hidden_units: Annotated[int, within(0, 65_536)] = 0
    patience: Annotated[int, within(0, 10_000)] = 5
    image_size: Annotated[int, within(0, 1_024)] = 0
    seed: Seed = 7
    pretrained_uri: S3Uri = ""


@dataclass(frozen=True, config=CHECKED)
class Debugger:
    """Rules that watch tuning and training jobs from inside; docs/training.md tells each.

    Those of `stop_on_rules` end a job when they find something; the others are only reported.
    """

    stop_on_rules: Annotated[tuple[Rule, ...], many(7, "names of rules")] = ()
    vanishing_gradient_rms: Annotated[float, within(0.0, 1.0)] = 1e-7
    exploding_gradient_norm: Annotated[float, within(0.0, 1e12)] = 1_000.0
    dead_relu_share: Fraction = 0.5
    poor_initialization_loss: Annotated[float, within(1.0, 1e6)] = 3.0
    poor_initialization_scale: Annotated[float, within(1.0, 1e12)] = 30.0
    overfit_gap: Annotated[float, within(0.0, 1e6)] = 0.25
    overfit_epochs: Annotated[int, within(1, 10_000)] = 3
    overtraining_epochs: Annotated[int, within(1, 10_000)] = 10
    loss_not_decreasing_epochs: Annotated[int, within(1, 10_000)] = 5
    loss_not_decreasing_share: Fraction = 0.01


@dataclass(frozen=True, config=CHECKED)
class Range:
    """One tuned hyperparameter: a continuous, integer or categorical range."""

    type: Literal["continuous", "integer", "categorical"]
    min: Limit = 0.0
    max: Limit = 0.0
    scaling: Literal["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"] = "Auto"
    values: Annotated[tuple[Numeral, ...], many(30, "numbers, written as strings")] = ()


@dataclass(frozen=True, config=CHECKED)
class Tuning:
    """The hyperparameter tuning job: its budget, its search and the trials' machines."""

    ranges: Annotated[
        Mapping[Tunable, Range],
        FROZEN,
        Field(description=RANGES),
    ] = Field(default={}, validate_default=True)
    instance_type: InstanceType = "ml.m5.large"
    instance_count: Hosts = 1
    volume_gb: Gigabytes = 30
    max_runtime_seconds: TrainingSeconds = 3_600
    strategy: Literal["Bayesian", "Random", "Grid", "Hyperband"] = "Bayesian"
    max_jobs: Annotated[int, within(1, 750)] = 4
    max_parallel_jobs: Annotated[int, within(1, 100)] = 2
    early_stopping: Literal["Auto", "Off"] = "Auto"
    seed: Seed = 7
    warm_start_parents: Annotated[tuple[TuningJob, ...], many(5, "tuning job names")] = ()
    warm_start_type: Literal["IdenticalDataAndAlgorithm", "TransferLearning"] = (
        "IdenticalDataAndAlgorithm"
    )


@dataclass(frozen=True, config=CHECKED)
class Training:
    """The final training job's machines."""

    instance_type: InstanceType = "ml.m5.large"
    instance_count: Hosts = 2
    volume_gb: Gigabytes = 30
    max_runtime_seconds: TrainingSeconds = 7_200


@dataclass(frozen=True, config=CHECKED)
class Spot:
    """Managed spot capacity for tuning and training."""

    enabled: Annotated[bool, Field(strict=True, description="true or false")] = False
    max_wait_seconds: TrainingSeconds = 14_400


@dataclass(frozen=True, config=CHECKED)
class Evaluate:
    """The processing job that measures the model on the test split."""

    instance_type: InstanceType = "ml.m5.large"
    volume_gb: Gigabytes = 30
    max_runtime_seconds: ProcessingSeconds = 3_600
    batch_size: Annotated[int, within(1, 4_096)] = 32
    latency_samples: Annotated[int, within(1, 10_000)] = 50


@dataclass(frozen=True, config=CHECKED)
class Register:
    """What the model package offers to its users."""

    inference_instance_types: InstanceTypes = ("ml.m5.large",)
    transform_instance_types: InstanceTypes = ("ml.m5.large",)


@dataclass(frozen=True, config=CHECKED)
class Retry:
    """How often and how patiently a step is tried again after a fault that is not the script's."""

    interval_seconds: Annotated[int, within(1, 3_600)] = 30
    backoff_rate: Annotated[float, within(1.0, 10.0)] = 2.0
    max_attempts: Annotated[int, within(1, 20)] = 3
