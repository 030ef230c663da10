"""The feature group and its online records; the offline store's files go with the bucket."""

from __future__ import annotations

from collections.abc import Iterator

from provision.change import Change, Clients, from_tags
from provision.features import RESOURCE
from provision.teardown.ownership import UPSERT, claim, kept, unless_gone
from provision.waiting import until_gone
from settings import Settings


def find_features(clients: Clients, settings: Settings, *, data: bool) -> Iterator[Change]:
    """Kept with its records unless `data` is asked for; also where the settings want none now."""
    sagemaker, name = clients("sagemaker"), settings.feature_group_name
    found = unless_gone(lambda: sagemaker.describe_feature_group(FeatureGroupName=name))
    listed = found and unless_gone(
        lambda: sagemaker.list_tags(ResourceArn=found["FeatureGroupArn"])
    )
    if not listed:
        return
    change = claim(settings, RESOURCE, name, from_tags(listed["Tags"]), UPSERT)
    if change.kind == "delete" and not data:
        change = kept(RESOURCE, name, "the records of images; --data deletes them")
    yield change


def delete_features(clients: Clients, change: Change) -> None:
    """Delete the group and wait until it is gone."""
    sagemaker, name = clients("sagemaker"), change.name
    sagemaker.delete_feature_group(FeatureGroupName=name)
    until_gone(
        clients,
        lambda: (
            unless_gone(lambda: sagemaker.describe_feature_group(FeatureGroupName=name)) is None
        ),
        f"The feature group {name}",
    )
