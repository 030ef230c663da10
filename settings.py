"""The typed settings of one environment.

`load("local")` reads `environments.toml` and returns frozen dataclasses, or raises `SettingsError`
with every problem at once. Nothing here reads the environment, makes a client or imports an SDK, so
the command line can load settings in milliseconds.

    python -c "import settings; print(settings.load('local').bucket)"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from settings_checks import cross_problems
from settings_reader import (
    Problem,
    SettingsError,
    choice,
    flag,
    names,
    number,
    pairs,
    ranges,
    read_section,
    section,
    text,
    whole,
)
from settings_reader import environment as environment_table

ENVIRONMENTS = Path(__file__).parent / "environments.toml"
TUNABLE = ("batch_size", "hidden_units", "learning_rate", "weight_decay")

INSTANCE_TYPE = r"ml\.[a-z0-9-]+\.[a-z0-9]+"
NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9])*"
S3_URI = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?"
DURATION = r"P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?)?"
DAY = 86_400


@dataclass(frozen=True)
class Aws:
    """Where the resources live and who runs the jobs."""

    region: str = text(r"[a-z]{2}(-[a-z]+)+-\d", "a region name such as eu-west-1")
    account_id: str = text(r"\d{12}", "twelve digits, as a string")
    role_name: str = text(r"[\w+=,.@/-]{1,512}", "an IAM role name", default="")
    role_arn: str = text(r"arn:[a-z-]+:iam::\d{12}:role/.+", "an IAM role ARN", default="")
    bucket: str = text(
        r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "3 to 63 of a-z, 0-9, '-', '.'", default=""
    )
    kms_key: str = text(r"\S{1,2048}", "a KMS key id, alias or ARN", default="")
    subnets: tuple[str, ...] = names(r"subnet-[0-9a-f]+", "subnet ids", longest=16)
    security_groups: tuple[str, ...] = names(r"sg-[0-9a-f]+", "security group ids", longest=5)
    owner: str = text(
        r"[\w .:/=+@-]{1,256}", "1 to 256 characters fit for a tag", default="breedline"
    )
    tags: Mapping[str, str] = pairs()


@dataclass(frozen=True)
class Images:
    """Versions of AWS's PyTorch images; the SDK's own tables say which exist."""

    training_version: str = text(r"\d+\.\d+(\.\d+)?", "a PyTorch version", default="2.8.0")
    training_python: str = text(r"py3\d+", "a name such as py312", default="py312")
    inference_version: str = text(r"\d+\.\d+(\.\d+)?", "a PyTorch version", default="2.6.0")
    inference_python: str = text(r"py3\d+", "a name such as py312", default="py312")


@dataclass(frozen=True)
class Pipeline:
    """The pipeline as a whole: names, the gate, caching."""

    name: str = text(NAME, "letters, digits and '-', at most 63", longest=63, default="breedline")
    model_package_group: str = text(
        NAME, "letters, digits and '-', at most 63", longest=63, default="breedline"
    )
    data_uri: str = text(S3_URI, "s3://bucket/prefix", default="")
    accuracy_threshold: float = number(0.0, 1.0, default=0.8)
    champion_tolerance: float = number(0.0, 1.0, default=0.0)
    approval_status: str = choice(
        "PendingManualApproval", "Approved", "Rejected", default="PendingManualApproval"
    )
    cache_expiry: str = text(DURATION, "an ISO 8601 duration such as P30D", default="P30D")
    max_parallel_steps: int = whole(1, 100, default=10)


@dataclass(frozen=True)
class Data:
    """How the training channels deliver the data set."""

    data_type: str = choice("ManifestFile", "S3Prefix", default="ManifestFile")
    input_mode: str = choice("File", "FastFile", default="File")
    distribution: str = choice("FullyReplicated", "ShardedByS3Key", default="FullyReplicated")


@dataclass(frozen=True)
class Prepare:
    """The processing job that validates and splits the data set."""

    instance_type: str = text(INSTANCE_TYPE, "an ml.… instance type", default="ml.m5.large")
    volume_gb: int = whole(1, 16_384, default=30)
    max_runtime_seconds: int = whole(1, 5 * DAY, default=3_600)
    validation_fraction: float = number(0.0, 1.0, default=0.15)
    test_fraction: float = number(0.0, 1.0, default=0.15)
    max_rejected_fraction: float = number(0.0, 1.0, default=0.1)
    min_images_per_class: int = whole(1, 1_000_000, default=5)
    seed: int = whole(0, 2**31 - 1, default=7)


@dataclass(frozen=True)
class Model:
    """The network and its fixed hyperparameters; a tuned one is the start, not the answer."""

    backbone: str = choice(
        "efficientnet_lite0", "resnet18", "resnet50", default="efficientnet_lite0"
    )
    fine_tune: str = choice("head", "all", default="head")
    epochs: int = whole(1, 10_000, default=30)
    batch_size: int = whole(1, 65_536, default=32)
    learning_rate: float = number(1e-8, 10.0, default=0.002)
    weight_decay: float = number(0.0, 10.0, default=0.0001)
    hidden_units: int = whole(0, 65_536, default=0)
    patience: int = whole(0, 10_000, default=5)
    image_size: int = whole(0, 1_024, default=0)
    seed: int = whole(0, 2**31 - 1, default=7)
    pretrained_uri: str = text(S3_URI, "s3://bucket/object", default="")


@dataclass(frozen=True)
class Range:
    """One tuned hyperparameter: a continuous, integer or categorical range."""

    type: str = choice("continuous", "integer", "categorical")
    min: float = number(-1e12, 1e12, default=0.0)
    max: float = number(-1e12, 1e12, default=0.0)
    scaling: str = choice("Auto", "Linear", "Logarithmic", "ReverseLogarithmic", default="Auto")
    values: tuple[str, ...] = names(r".{1,256}", "1 to 30 values, as strings", longest=30)


@dataclass(frozen=True)
class Tuning:
    """The hyperparameter tuning job: its budget, its search and the trials' machines."""

    ranges: Mapping[str, Range] = ranges(Range, TUNABLE)
    instance_type: str = text(INSTANCE_TYPE, "an ml.… instance type", default="ml.m5.large")
    instance_count: int = whole(1, 64, default=1)
    volume_gb: int = whole(1, 16_384, default=30)
    max_runtime_seconds: int = whole(1, 28 * DAY, default=3_600)
    strategy: str = choice("Bayesian", "Random", "Grid", "Hyperband", default="Bayesian")
    max_jobs: int = whole(1, 750, default=4)
    max_parallel_jobs: int = whole(1, 100, default=2)
    early_stopping: str = choice("Auto", "Off", default="Auto")
    seed: int = whole(0, 2**31 - 1, default=7)
    warm_start_parents: tuple[str, ...] = names(
        r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}", "tuning job names of at most 32 characters", longest=5
    )
    warm_start_type: str = choice(
        "IdenticalDataAndAlgorithm", "TransferLearning", default="IdenticalDataAndAlgorithm"
    )


@dataclass(frozen=True)
class Training:
    """The final training job's machines."""

    instance_type: str = text(INSTANCE_TYPE, "an ml.… instance type", default="ml.m5.large")
    instance_count: int = whole(1, 64, default=2)
    volume_gb: int = whole(1, 16_384, default=30)
    max_runtime_seconds: int = whole(1, 28 * DAY, default=7_200)


@dataclass(frozen=True)
class Spot:
    """Managed spot capacity for tuning and training."""

    enabled: bool = flag(default=False)
    max_wait_seconds: int = whole(1, 28 * DAY, default=14_400)


@dataclass(frozen=True)
class Evaluate:
    """The processing job that measures the model on the test split."""

    instance_type: str = text(INSTANCE_TYPE, "an ml.… instance type", default="ml.m5.large")
    volume_gb: int = whole(1, 16_384, default=30)
    max_runtime_seconds: int = whole(1, 5 * DAY, default=3_600)
    batch_size: int = whole(1, 4_096, default=32)
    latency_samples: int = whole(1, 10_000, default=50)


@dataclass(frozen=True)
class Register:
    """What the model package offers to its users."""

    inference_instance_types: tuple[str, ...] = names(
        INSTANCE_TYPE, "ml.… instance types", longest=20, default=("ml.m5.large",)
    )
    transform_instance_types: tuple[str, ...] = names(
        INSTANCE_TYPE, "ml.… instance types", longest=20, default=("ml.m5.large",)
    )


@dataclass(frozen=True)
class Retry:
    """How often and how patiently a step is tried again after a fault that is not the script's."""

    interval_seconds: int = whole(1, 3_600, default=30)
    backoff_rate: float = number(1.0, 10.0, default=2.0)
    max_attempts: int = whole(1, 20, default=3)


@dataclass(frozen=True)
class Settings:
    """Everything one environment decides; equal settings compile to equal bytes."""

    environment: str
    aws: Aws = section(Aws)
    images: Images = section(Images)
    pipeline: Pipeline = section(Pipeline)
    data: Data = section(Data)
    prepare: Prepare = section(Prepare)
    model: Model = section(Model)
    tuning: Tuning = section(Tuning)
    training: Training = section(Training)
    spot: Spot = section(Spot)
    evaluate: Evaluate = section(Evaluate)
    register: Register = section(Register)
    retry: Retry = section(Retry)

    @property
    def bucket(self) -> str:
        """The artifact bucket: the one named, else one derived from environment and account."""
        derived = f"breedline-{self.environment}-{self.aws.account_id}-{self.aws.region}"
        return self.aws.bucket or derived

    @property
    def role_arn(self) -> str:
        """The execution role of every job and of the pipeline itself."""
        partition = partition_of(self.aws.region)
        named = f"arn:{partition}:iam::{self.aws.account_id}:role/{self.aws.role_name}"
        return self.aws.role_arn or named

    @property
    def data_uri(self) -> str:
        """Where the data set lies unless an execution says otherwise."""
        return self.pipeline.data_uri or f"s3://{self.bucket}/data"

    @property
    def tags(self) -> dict[str, str]:
        """Tags of every resource of this environment."""
        return {**self.aws.tags, "owner": self.aws.owner, "environment": self.environment}


def partition_of(region: str) -> str:
    """AWS's partition of a region: ARNs in China and GovCloud begin differently."""
    prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((name for start, name in prefixes.items() if region.startswith(start)), "aws")


def load(environment: str, path: Path = ENVIRONMENTS) -> Settings:
    """Read and check one environment of `path`.

    Raises:
        SettingsError: the file cannot be read, the environment is not in it, or some values are
            wrong; all problems are in the one message.
    """
    table = environment_table(path, environment)
    problems: list[Problem] = []
    values: dict[str, Any] = read_section(Settings, table, environment, problems)
    if not problems:
        loaded = Settings(environment=environment, **values)
        problems = cross_problems(loaded)
        if not problems:
            return loaded
    raise SettingsError(path, environment, problems)
