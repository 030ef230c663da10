"""The typed settings of one environment.

`load("local")` reads `environments.toml` and returns frozen dataclasses, or raises `SettingsError`
with every problem at once. The sections are in `account`, `workload`, `pipeline` and `serving`,
where pydantic holds each value to the limits that stand beside it; `contradictions` compares
values, and `checks` puts problems into words. Nothing here reads the process's environment, makes a
client or imports an SDK.

    python -c "import settings; print(settings.load('local').bucket)"
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from pydantic import ValidationError
from pydantic.dataclasses import dataclass

from settings.account import Aws, Foundation, Roles
from settings.checks import SettingsError as SettingsError
from settings.checks import refusal, tables_of, violations
from settings.contradictions import contradictions
from settings.ec2 import Ec2
from settings.features import Features
from settings.pipeline import (
    PACKAGED,
    Data,
    Debugger,
    Evaluate,
    Images,
    Model,
    Pipeline,
    Prepare,
    Register,
    Retry,
    Spot,
    Training,
    Tuning,
)
from settings.promotion import Promotion
from settings.serving import Alarms, Endpoint, Function, Rollout, Scaling, Smoke, Triggers
from settings.types import CHECKED
from settings.workload import Regression, Workload

ENVIRONMENTS = Path(__file__).parents[1] / "environments.toml"


@dataclass(frozen=True, config=CHECKED)
class Sections:
    """The tables of one environment."""

    aws: Aws
    workload: Workload
    images: Images
    pipeline: Pipeline
    data: Data
    prepare: Prepare
    features: Features
    model: Model
    debugger: Debugger
    regression: Regression
    tuning: Tuning
    training: Training
    spot: Spot
    ec2: Ec2
    evaluate: Evaluate
    register: Register
    retry: Retry
    roles: Roles
    foundation: Foundation
    endpoint: Endpoint
    rollout: Rollout
    scaling: Scaling
    function: Function
    smoke: Smoke
    alarms: Alarms
    triggers: Triggers
    promotion: Promotion


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
        """The execution role of the pipeline."""
        return self.aws.role_arn or self._role(self.aws.role_name)

    @property
    def jobs_role_arn(self) -> str:
        """The execution role of every job: their own, else the pipeline's."""
        return self._role(self.roles.jobs) if self.roles.jobs else self.role_arn

    @property
    def data_uri(self) -> str:
        """Where the data set lies unless an execution says otherwise."""
        return self.pipeline.data_uri or f"s3://{self.bucket}/data"

    @property
    def feature_group(self) -> str:
        """The feature group's name, empty where none is wanted."""
        return self.feature_group_name if self.features.enabled else ""

    @property
    def feature_group_name(self) -> str:
        """The name that a feature group has or had."""
        return self.features.group or f"{self.pipeline.name}-images"

    @property
    def embeds(self) -> bool:
        """Whether records hold embeddings: there are records, and a network that has learnt."""
        has_weights = bool(self.model.pretrained_uri) or self.model.backbone in PACKAGED
        return self.features.enabled and self.features.embedding and has_weights

    @property
    def features_role_arn(self) -> str:
        """The role with which SageMaker writes the feature group's offline store."""
        return self._role(self.features.role or self.jobs_role_arn)

    @property
    def endpoint_name(self) -> str:
        """The endpoint's name, from which models, configurations, functions and alarms derive."""
        return self.endpoint.name or self.pipeline.name

    @property
    def tags(self) -> dict[str, str]:
        """Tags of every resource of this environment."""
        return {**self.aws.tags, "owner": self.aws.owner, "environment": self.environment}

    def _role(self, named: str) -> str:
        """The ARN of a role of this account, which may be one already."""
        if named.startswith("arn:"):
            return named
        return f"arn:{partition_of(self.aws.region)}:iam::{self.aws.account_id}:role/{named}"


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
