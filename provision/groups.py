"""The model package group, in which Register puts each version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provision.change import Change, Clients, as_tags, differences, from_tags, only, or_none
from settings import Settings

RESOURCE = "model-package-group"


@dataclass(frozen=True)
class Group:
    """The group as it should be."""

    name: str
    tags: dict[str, str]


def plan_group(clients: Clients, settings: Settings) -> Change:
    """Compare the group with the settings."""
    desired = Group(settings.pipeline.model_package_group, settings.tags)
    # SageMaker answers ValidationException for a group that is not there.
    found = or_none(
        lambda: clients.sagemaker.describe_model_package_group(ModelPackageGroupName=desired.name),
        "ValidationException",
        "ResourceNotFound",
    )
    if found is None:
        return Change("create", RESOURCE, desired.name, "it does not exist", desired)
    listed = clients.sagemaker.list_tags(ResourceArn=found["ModelPackageGroupArn"])
    current = only(from_tags(listed["Tags"]), desired.tags)
    diff = differences({"tags": current}, {"tags": desired.tags})
    if diff:
        return Change("update", RESOURCE, desired.name, "its tags differ", desired, diff)
    return Change("no-op", RESOURCE, desired.name, "unchanged", desired)


def apply_group(clients: Clients, change: Change) -> str:
    """Create the group or set its tags; returns its ARN."""
    group: Group = change.desired
    sagemaker: Any = clients.sagemaker
    if change.kind == "create":
        made = sagemaker.create_model_package_group(
            ModelPackageGroupName=group.name,
            ModelPackageGroupDescription="Versions registered by the Breedline pipeline",
            Tags=as_tags(group.tags),
        )
        return str(made["ModelPackageGroupArn"])
    found = sagemaker.describe_model_package_group(ModelPackageGroupName=group.name)
    arn = str(found["ModelPackageGroupArn"])
    sagemaker.add_tags(ResourceArn=arn, Tags=as_tags(group.tags))
    return arn
