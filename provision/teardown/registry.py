"""The model package group and its versions; only where asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provision.change import Change, Clients, from_tags
from provision.groups import RESOURCE as GROUP
from provision.teardown.ownership import claim, kept, unless_gone
from settings import Settings

PACKAGE = "model-package"
REASON = "registered by the pipeline"


def find_registry(
    clients: Clients, settings: Settings, *, registry: bool, data: bool
) -> Iterator[Change]:
    """Kept with all versions unless `registry` is asked for."""
    sagemaker, name = clients("sagemaker"), settings.pipeline.model_package_group
    group = unless_gone(lambda: sagemaker.describe_model_package_group(ModelPackageGroupName=name))
    listed = group and unless_gone(
        lambda: sagemaker.list_tags(ResourceArn=group["ModelPackageGroupArn"])
    )
    if not listed:
        return
    change = claim(settings, GROUP, name, from_tags(listed["Tags"]))
    if change.kind == "delete" and not registry:
        lost = ", which lose their artifacts with the bucket" if data else ""
        change = kept(GROUP, name, f"the registered versions{lost}; --registry deletes them")
    elif change.kind == "delete":
        for arn in _versions(sagemaker, name):
            yield Change("delete", PACKAGE, arn.partition("/")[2], REASON, arn)
    yield change


def delete_package(clients: Clients, change: Change) -> None:
    clients("sagemaker").delete_model_package(ModelPackageName=change.desired)


def delete_group(clients: Clients, change: Change) -> None:
    """SageMaker deletes no group that holds versions; one may have been registered just now."""
    sagemaker = clients("sagemaker")
    for arn in _versions(sagemaker, change.name):
        sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=change.name)


def _versions(sagemaker: Any, group: str) -> list[str]:
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    return [item["ModelPackageArn"] for page in pages for item in page["ModelPackageSummaryList"]]
