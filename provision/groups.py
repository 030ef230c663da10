"""The model package group, in which Register puts each version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provision.change import (
    Change,
    Clients,
    as_tags,
    compare,
    from_tags,
    only,
    or_none,
    unless_there,
)
from settings import Settings

RESOURCE = "model-package-group"


@dataclass(frozen=True)
class Group:
    """The group as it should be."""

    name: str
    tags: dict[str, str]

    def properties(self) -> dict[str, Any]:
        """What is compared with the group that exists."""
        return {"tags": self.tags}


def plan_group(clients: Clients, settings: Settings) -> Change:
    """Compare the group with the settings."""
    desired = Group(settings.pipeline.model_package_group, settings.tags)
    sagemaker = clients("sagemaker")
    # SageMaker answers ValidationException for a group that is not there.
    found = or_none(
        lambda: sagemaker.describe_model_package_group(ModelPackageGroupName=desired.name),
        "ValidationException",
        "ResourceNotFound",
    )
    if found is None:
        return compare(RESOURCE, None, desired)
    listed = sagemaker.list_tags(ResourceArn=found["ModelPackageGroupArn"])
    return compare(RESOURCE, {"tags": only(from_tags(listed["Tags"]), desired.tags)}, desired)


def apply_group(clients: Clients, change: Change) -> str:
    """Create the group or set its tags; returns its ARN."""
    group: Group = change.desired
    sagemaker, tags = clients("sagemaker"), as_tags(group.tags)
    if change.kind == "create":
        made = unless_there(
            lambda: sagemaker.create_model_package_group(
                ModelPackageGroupName=group.name,
                ModelPackageGroupDescription="Versions registered by the Breedline pipeline",
                Tags=tags,
            )
        )
        if made:
            return str(made["ModelPackageGroupArn"])
    found = sagemaker.describe_model_package_group(ModelPackageGroupName=group.name)
    arn = str(found["ModelPackageGroupArn"])
    sagemaker.add_tags(ResourceArn=arn, Tags=tags)
    return arn
