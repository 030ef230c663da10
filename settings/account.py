"""The sections that describe the account: where resources live, and which role does what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from settings.checks import many, text, within
from settings.types import (
    CHECKED,
    FROZEN,
    AccountId,
    Bucket,
    Flag,
    OptionalRole,
    Region,
    RoleArn,
    SecurityGroup,
    Subnet,
    Tag,
)


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
class Roles:
    """The role of each actor beside the pipeline; an empty one is made by `upsert`.

    Without one of their own, jobs work under the pipeline's role. Nobody trains on EC2 without one.
    """

    endpoint: OptionalRole = ""
    predict: OptionalRole = ""
    smoke_test: OptionalRole = ""
    workflow: OptionalRole = ""
    events: OptionalRole = ""
    jobs: OptionalRole = ""
    ec2_training: OptionalRole = ""


@dataclass(frozen=True, config=CHECKED)
class Foundation:
    """What the stack of `bootstrap` makes beside roles; what is left out is somebody else's."""

    bucket: Flag = True
    key: Flag = False
    roles: Flag = True
    network: Flag = False
    network_cidr: Annotated[
        str, text(r"10(\.\d{1,3}){2}\.0/20", "a block such as 10.20.0.0/20")
    ] = "10.20.0.0/20"
    monthly_budget_usd: Annotated[int, within(0, 1_000_000)] = 0
    reader_arn: Annotated[
        str, text(r"(arn:[a-z-]+:iam::\d{12}:(role|user|root)\S*)?", "an IAM principal's ARN")
    ] = ""
    reader_prefix: Annotated[str, text(r"[\w!.*'()/-]{0,512}", "a prefix in the bucket")] = "data"
