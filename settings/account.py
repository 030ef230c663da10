"""The sections that describe the account: where resources live, and which role does what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from settings.checks import many, text
from settings.types import (
    CHECKED,
    FROZEN,
    AccountId,
    Bucket,
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
    """The role of each actor beside the pipeline; an empty one is made by `upsert`."""

    endpoint: OptionalRole = ""
    predict: OptionalRole = ""
    smoke_test: OptionalRole = ""
    workflow: OptionalRole = ""
    events: OptionalRole = ""
