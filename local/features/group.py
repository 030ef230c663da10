"""A feature group as its Describe… answer says it, and the values that its records may hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from local.errors import validation_error

Value = str | list[str] | None
SECONDS = {"Seconds": 1, "Minutes": 60, "Hours": 3_600, "Days": 86_400, "Weeks": 604_800}
LARGEST = 350 * 1024  # bytes of a record's values
TIMES = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ")  # UTC, with or without milliseconds


@dataclass(frozen=True)
class Feature:
    """One column; `type` is String, Integral or Fractional, of each item where it is a list."""

    name: str
    type: str
    is_list: bool


@dataclass(frozen=True)
class Group:
    """What the runtime needs to know of a group.

    `lifetime` is in seconds, None for ever; `role` is the ARN of whoever writes the offline store.
    """

    name: str
    features: Mapping[str, Feature]
    identifier: str
    event_time: str
    is_online: bool
    offline_uri: str
    table: str
    lifetime: int | None
    role: str = ""

    @property
    def stores(self) -> list[str]:
        """Where records go unless a request says otherwise."""
        named = (("OnlineStore", self.is_online), ("OfflineStore", bool(self.offline_uri)))
        return [name for name, there in named if there]


def group_of(document: Mapping[str, Any]) -> Group:
    """The group that a stored document describes."""
    offline = document.get("OfflineStoreConfig", {})
    online = document.get("OnlineStoreConfig", {})
    return Group(
        name=document["FeatureGroupName"],
        features={
            each["FeatureName"]: Feature(
                each["FeatureName"], each["FeatureType"], "CollectionType" in each
            )
            for each in document["FeatureDefinitions"]
        },
        identifier=document["RecordIdentifierFeatureName"],
        event_time=document["EventTimeFeatureName"],
        is_online=online.get("EnableOnlineStore", False),
        offline_uri=offline.get("S3StorageConfig", {}).get("ResolvedOutputS3Uri", ""),
        table=offline.get("DataCatalogConfig", {}).get("TableName", ""),
        lifetime=seconds_of(online.get("TtlDuration")),
        role=document.get("RoleArn", ""),
    )


def seconds_of(duration: Mapping[str, Any] | None) -> int | None:
    """A TtlDuration in seconds, None for none."""
    if not duration or "Value" not in duration:
        return None
    return int(duration["Value"]) * SECONDS[duration.get("Unit", "Seconds")]


def read_values(group: Group, record: Iterable[Mapping[str, Any]]) -> dict[str, Value]:
    """The values of a record by feature; raises ApiError for what the group does not hold."""
    values: dict[str, Value] = {}
    for item in record:
        feature = group.features.get(item["FeatureName"])
        if feature is None:
            raise validation_error(
                f"The feature group {group.name} has no feature '{item['FeatureName']}'; it has "
                f"{', '.join(group.features)}."
            )
        if feature.name in values:
            raise validation_error(f"The record names the feature '{feature.name}' twice.")
        values[feature.name] = _value(feature, item)
    for name in (group.identifier, group.event_time):
        if not values.get(name):
            raise validation_error(f"The record has no value for the feature '{name}'.")
    size = sum(len(str(value).encode()) for value in values.values())
    if size > LARGEST:
        raise validation_error(f"The record has {size} bytes; at most {LARGEST} are allowed.")
    return values


def _value(feature: Feature, item: Mapping[str, Any]) -> Value:
    wanted, other = "ValueAsString", "ValueAsStringList"
    if feature.is_list:
        wanted, other = other, wanted
    if other in item or wanted not in item:
        raise validation_error(f"The feature '{feature.name}' takes a {wanted}.")
    value: Value = item[wanted]
    for text in value if isinstance(value, list) else [value]:
        if not _fits(feature.type, str(text)):
            raise validation_error(
                f"The feature '{feature.name}' is {feature.type}, which '{str(text)[:80]}' is not."
            )
    return value


def _fits(kind: str, text: str) -> bool:
    if kind == "Integral":
        return bool(re.fullmatch(r"[+-]?\d{1,19}", text)) and -(2**63) <= int(text) < 2**63
    if kind == "Fractional":
        try:
            float(text)
        except ValueError:
            return False
    return True


def moment_of(group: Group, text: str) -> float:
    """An event time as seconds since 1970; raises ApiError for one that is none."""
    if group.features[group.event_time].type == "Fractional":
        moment = float(text) if _fits("Fractional", text) else float("nan")
        if 0 <= moment < 32_503_680_000:  # the year 3000
            return moment
        raise validation_error(f"The event time '{text}' is no number of seconds since 1970.")
    for form in TIMES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=timezone.utc).timestamp()
        except ValueError:
            continue
    raise validation_error(
        f"The event time '{text}' has none of the forms yyyy-MM-dd'T'HH:mm:ssZ and "
        "yyyy-MM-dd'T'HH:mm:ss.SSSZ, in UTC."
    )
