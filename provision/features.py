"""The feature group of image records, where the settings want one.

Prepare fills it (steps/records.py) and training sets are selected from it (pipeline/selection.py).
SageMaker lets a group get further features, a lifetime and tags; everything else is for ever, so
that a group which differs otherwise is refused and not made again: it holds data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from errors import BreedlineError
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
from provision.tables import key_arn
from provision.waiting import until
from settings import Settings

RESOURCE = "feature-group"
PREFIX = "features"  # of the offline store in the bucket
IDENTIFIER = "record_id"
EVENT_TIME = "event_time"
FEATURES = {
    IDENTIFIER: "String",
    EVENT_TIME: "String",
    "uri": "String",
    "label": "String",
    "split": "String",
    "digest": "String",
    "width": "Integral",
    "height": "Integral",
    "bytes": "Integral",
}
EMBEDDED = {"embedding": "String", "embedding_model": "String"}  # where the settings want them
FIXED = ("event_time", "identifier", "kms_key", "offline", "online", "role")


@dataclass(frozen=True)
class FeatureGroup:
    """The group as it should be; `offline_uri` empty means no offline store."""

    name: str
    online: bool
    offline_uri: str
    ttl_days: int
    kms_key: str
    role: str
    tags: dict[str, str]
    features: dict[str, str]

    def properties(self) -> dict[str, Any]:
        """What is compared with the group that exists."""
        return {
            "event_time": EVENT_TIME,
            "features": self.features,
            "identifier": IDENTIFIER,
            "kms_key": self.kms_key,
            "offline": self.offline_uri,
            "online": self.online,
            "role": self.role,
            "tags": self.tags,
            "ttl_days": self.ttl_days,
        }


def plan_features(clients: Clients, settings: Settings) -> Iterator[Change]:
    """Compare the group with the settings; nothing where they want none.

    Raises BreedlineError for a difference that SageMaker lets nobody change.
    """
    if not settings.feature_group:
        return
    features = settings.features
    desired = FeatureGroup(
        name=settings.feature_group,
        online=features.online,
        offline_uri=f"s3://{settings.bucket}/{PREFIX}" if features.offline else "",
        ttl_days=features.ttl_days,
        kms_key=key_arn(clients, settings.aws.kms_key),
        role=settings.features_role_arn,
        tags=settings.tags,
        features=features_of(settings),
    )
    current = _current(clients("sagemaker"), desired)
    if current is not None:
        _refuse_the_impossible(desired, current)
    yield compare(RESOURCE, current, desired)


def features_of(settings: Settings) -> dict[str, str]:
    """The features that Prepare writes, with their types."""
    return FEATURES | (EMBEDDED if settings.embeds else {})


def apply_features(clients: Clients, change: Change) -> str:
    """Create the group, or add what it lacks; returns its ARN when it takes records."""
    group: FeatureGroup = change.desired
    sagemaker, name = clients("sagemaker"), group.name
    if change.kind == "create":
        unless_there(lambda: sagemaker.create_feature_group(**_creation(group)))
    until(clients, lambda: _is_created(sagemaker, name), f"The feature group {name}")
    found = sagemaker.describe_feature_group(FeatureGroupName=name)
    lacking = [each for each in _definitions(group) if each not in found["FeatureDefinitions"]]
    if lacking:
        sagemaker.update_feature_group(FeatureGroupName=name, FeatureAdditions=lacking)
        until(clients, lambda: _is_updated(sagemaker, name), f"The feature group {name}")
    if group.ttl_days and group.ttl_days != _ttl_days(found):
        lifetime = {"TtlDuration": {"Unit": "Days", "Value": group.ttl_days}}
        sagemaker.update_feature_group(FeatureGroupName=name, OnlineStoreConfig=lifetime)
        until(clients, lambda: _is_updated(sagemaker, name), f"The feature group {name}")
    arn = str(found["FeatureGroupArn"])
    sagemaker.add_tags(ResourceArn=arn, Tags=as_tags(group.tags))
    return arn


def _creation(group: FeatureGroup) -> dict[str, Any]:
    request: dict[str, Any] = {
        "FeatureGroupName": group.name,
        "RecordIdentifierFeatureName": IDENTIFIER,
        "EventTimeFeatureName": EVENT_TIME,
        "FeatureDefinitions": _definitions(group),
        "RoleArn": group.role,
        "Description": "One record for each image that Prepare kept",
        "Tags": as_tags(group.tags),
    }
    if group.online:
        online: dict[str, Any] = {"EnableOnlineStore": True}
        if group.kms_key:
            online["SecurityConfig"] = {"KmsKeyId": group.kms_key}
        if group.ttl_days:
            online["TtlDuration"] = {"Unit": "Days", "Value": group.ttl_days}
        request["OnlineStoreConfig"] = online
    if group.offline_uri:
        storage = {"S3Uri": group.offline_uri}
        if group.kms_key:
            storage["KmsKeyId"] = group.kms_key
        request["OfflineStoreConfig"] = {"S3StorageConfig": storage}
    return request


def _definitions(group: FeatureGroup) -> list[dict[str, str]]:
    return [{"FeatureName": name, "FeatureType": kind} for name, kind in group.features.items()]


def _current(sagemaker: Any, group: FeatureGroup) -> dict[str, Any] | None:
    found = or_none(
        lambda: sagemaker.describe_feature_group(FeatureGroupName=group.name), "ResourceNotFound"
    )
    if found is None:
        return None
    online = found.get("OnlineStoreConfig", {})
    storage = found.get("OfflineStoreConfig", {}).get("S3StorageConfig", {})
    listed = sagemaker.list_tags(ResourceArn=found["FeatureGroupArn"])
    defined = {each["FeatureName"]: each["FeatureType"] for each in found["FeatureDefinitions"]}
    security = online.get("SecurityConfig", {})
    return {
        "event_time": found["EventTimeFeatureName"],
        # Others may add features of their own.
        "features": {name: kind for name, kind in defined.items() if name in group.features},
        "identifier": found["RecordIdentifierFeatureName"],
        "kms_key": storage.get("KmsKeyId", "") or security.get("KmsKeyId", ""),
        "offline": storage.get("S3Uri", ""),
        "online": online.get("EnableOnlineStore", False),
        "role": found.get("RoleArn", ""),
        "tags": only(from_tags(listed["Tags"]), group.tags),
        "ttl_days": _ttl_days(found),
    }


def _ttl_days(found: dict[str, Any]) -> int:
    """The lifetime in days; one that somebody set in smaller units is the days it fills."""
    duration = found.get("OnlineStoreConfig", {}).get("TtlDuration", {})
    hours = {"Seconds": 1 / 3_600, "Minutes": 1 / 60, "Hours": 1, "Days": 24, "Weeks": 168}
    return int(duration.get("Value", 0) * hours[duration.get("Unit", "Days")] / 24)


def _refuse_the_impossible(group: FeatureGroup, current: dict[str, Any]) -> None:
    """Raise BreedlineError for a difference that no update can undo."""
    wanted = group.properties()
    pairs = {key: (current[key], wanted[key]) for key in FIXED}
    for name, kind in current["features"].items():
        pairs[f"the feature {name}"] = (kind, group.features[name])
    if not group.ttl_days:  # a lifetime can be changed, not taken away
        pairs["ttl_days"] = (current["ttl_days"], 0)
    for key, (before, after) in pairs.items():
        if before != after:
            raise BreedlineError(
                f"The feature group '{group.name}' exists, and its {key} is for ever "
                f"{before!r}, not {after!r}: choose another features.group in environments.toml, "
                "or delete the group."
            )


def _is_created(sagemaker: Any, name: str) -> bool:
    found = sagemaker.describe_feature_group(FeatureGroupName=name)
    if found["FeatureGroupStatus"] == "CreateFailed":
        raise BreedlineError(
            f"The feature group '{name}' could not be made ({found.get('FailureReason', '')}); "
            "delete it with `aws sagemaker delete-feature-group`, mend that, and run upsert again."
        )
    return bool(found["FeatureGroupStatus"] == "Created")


def _is_updated(sagemaker: Any, name: str) -> bool:
    found = sagemaker.describe_feature_group(FeatureGroupName=name)
    return bool(found.get("LastUpdateStatus", {}).get("Status", "Successful") == "Successful")
