"""The typed settings of one environment.

`load("local")` reads `environments.toml` and returns frozen dataclasses, or raises `SettingsError`
with every problem at once. pydantic holds each value to the limits that stand beside it here;
`settings_checks.py` compares values and puts problems into words. Nothing here reads the
process's environment, makes a client or imports an SDK.

    python -c "import settings; print(settings.load('local').bucket)"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from settings_checks import SettingsError as SettingsError
from settings_checks import contradictions, many, refusal, tables_of, text, violations, within

ENVIRONMENTS = Path(__file__).parent / "environments.toml"

# Python's regular expressions, because pydantic's own have no lookahead. Numbers and flags are
# strict one by one: strict as a whole would refuse TOML's lists as tuples and tables as sections.
CHECKED = ConfigDict(extra="forbid", regex_engine="python-re")

Region = Annotated[str, text(r"[a-z]{2}(-[a-z]+)+-\d", "a region name such as eu-west-1")]
AccountId = Annotated[str, text(r"\d{12}", "twelve digits, as a string")]
RoleArn = Annotated[str, text(r"(arn:[a-z-]+:iam::\d{12}:role/.+)?", "an IAM role ARN")]
BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
Bucket = Annotated[str, text(rf"({BUCKET})?", "3 to 63 of a-z, 0-9, '-', '.'")]
S3Uri = Annotated[str, text(rf"(s3://{BUCKET}(/.*)?)?", "s3://bucket/key")]
Subnet = Annotated[str, text(r"subnet-[0-9a-f]+", "a subnet id")]
SecurityGroup = Annotated[str, text(r"sg-[0-9a-f]+", "a security group id")]
NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9])"
Name = Annotated[str, text(rf"{NAME}*", "letters, digits and '-', at most 63", longest=63)]
TuningJob = Annotated[str, text(rf"{NAME}{{0,31}}", "letters, digits and '-', at most 32")]
Tag = Annotated[str, text(r"[\w .:/=+@-]{1,256}", "1 to 256 characters fit for a tag")]
ISO_8601 = r"P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?)?"
Duration = Annotated[str, text(ISO_8601, "an ISO 8601 duration such as P30D")]
Version = Annotated[str, text(r"\d+\.\d+(\.\d+)?", "a PyTorch version")]
PythonName = Annotated[str, text(r"py3\d+", "a name such as py312")]
InstanceType = Annotated[str, text(r"ml\.[a-z0-9-]+\.[a-z0-9]+", "an ml.… instance type")]
InstanceTypes = Annotated[tuple[InstanceType, ...], many(20, "ml.… instance types")]
Gigabytes = Annotated[int, within(1, 16_384)]
Hosts = Annotated[int, within(1, 64)]
ProcessingSeconds = Annotated[int, within(1, 5 * 86_400)]
TrainingSeconds = Annotated[int, within(1, 28 * 86_400)]
Fraction = Annotated[float, within(0.0, 1.0)]
Seed = Annotated[int, within(0, 2**31 - 1)]
Numeral = Annotated[str, text(r"\d+(\.\d+)?(e-?\d+)?", "a number, as a string", longest=256)]
Limit = Annotated[float, within(-1e12, 1e12)]
# Read-only, and in the order of the keys, so that equal tables are written alike.
FROZEN = AfterValidator(lambda table: MappingProxyType(dict(sorted(table.items()))))
TUNABLE = ["batch_size", "hidden_units", "learning_rate", "weight_decay"]
Tunable = Annotated[str, Field(pattern=rf"\A({'|'.join(TUNABLE)})\Z", examples=TUNABLE)]


@dataclass(frozen=True, config=CHECKED)
class Aws:
    """Where the resources live and who runs the jobs."""

    region: Region
    account_id: AccountId
    role_name: Annotated[str, text(r"[\w+=,.@/-]{0,512}", "an IAM role name")] = ""
    role_arn: RoleArn = ""
    bucket: Bucket = ""
    kms_key: Annotated[str, text(r"\S{0,2048}", "a KMS key id, alias or ARN")] = ""
    subnets: Annotated[tuple[Subnet, ...], many(16, "subnet ids")] = ()
    security_groups: Annotated[tuple[SecurityGroup, ...], many(5, "security group ids")] = ()
    owner: Tag = "breedline"
    tags: Annotated[Mapping[str, str], FROZEN] = Field(
        default={},
        validate_default=True,
        max_length=40,
        description="a table of at most 40 strings",
    )


@dataclass(frozen=True, config=CHECKED)
class Images:
    """Versions of AWS's PyTorch images; the SDK's own tables say which exist."""

    training_version: Version = "2.8.0"
    training_python: PythonName = "py312"
    inference_version: Version = "2.6.0"
    inference_python: PythonName = "py312"


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
        Field(min_length=1, description=f"a table with some of {', '.join(TUNABLE)}"),
    ]
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


@dataclass(frozen=True, config=CHECKED)
class Sections:
    """The tables of one environment."""

    aws: Aws
    images: Images
    pipeline: Pipeline
    data: Data
    prepare: Prepare
    model: Model
    tuning: Tuning
    training: Training
    spot: Spot
    evaluate: Evaluate
    register: Register
    retry: Retry


@dataclass(frozen=True, config=CHECKED)
class Settings(Sections):
    """Everything one environment decides; equal settings compile to equal bytes."""

    environment: str

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
    tables = {field.name: {} for field in fields(Sections)} | tables_of(environment, path)
    try:
        loaded = Settings(**vars(Sections(**tables)), environment=environment)
    except ValidationError as error:
        raise refusal(environment, path, violations(error, Sections)) from error
    if problems := contradictions(loaded):
        raise refusal(environment, path, problems)
    return loaded
