"""What the runtime's operations mean: records put, read, listed and deleted in both stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from local.backend import Backend
from local.errors import ApiError, validation_error
from local.features.group import Group, Value, moment_of, read_values, seconds_of
from local.features.offline import OfflineStore, offline_row
from local.features.records import Record, Records


@dataclass(frozen=True)
class RecordStore:
    """The online store, and the rows that go on to the offline one."""

    backend: Backend
    records: Records
    offline: OfflineStore
    find: Callable[[str], Group]

    def put(self, request: dict[str, Any]) -> dict[str, Any]:
        """PutRecord: an older record, or one as old, goes to the offline store alone."""
        group = self.find(request["FeatureGroupName"])
        values = read_values(group, request["Record"])
        moment = moment_of(group, str(values[group.event_time]))
        lifetime = seconds_of(request.get("TtlDuration")) or group.lifetime
        expires = None if lifetime is None else moment + lifetime
        record = Record(str(values[group.identifier]), moment, values, expires=expires)
        self._keep(group, record, _stores(group, request))
        return {}

    def get(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetRecord: the newest record, and no Record where there is none."""
        group = self._online(request["FeatureGroupName"])
        names = _features(group, request.get("FeatureNames"))
        found = self._alive(group, request["RecordIdentifierValueAsString"])
        return {} if found is None else _answer(found, names, request)

    def get_many(self, request: dict[str, Any]) -> dict[str, Any]:
        """BatchGetRecord: what is there; an unknown group is an error among others."""
        records, errors = [], []
        for asked in request["Identifiers"]:
            name = asked["FeatureGroupName"]
            for identifier in asked["RecordIdentifiersValueAsString"]:
                told = {"FeatureGroupName": name, "RecordIdentifierValueAsString": identifier}
                try:
                    group = self._online(name)
                    features = _features(group, asked.get("FeatureNames"))
                    found = self._alive(group, identifier)
                except ApiError as error:
                    reason = {"ErrorCode": error.code, "ErrorMessage": error.message}
                    errors.append({**told, **reason})
                    continue
                if found is not None:
                    records.append({**told, **_answer(found, features, request)})
        return {"Records": records, "Errors": errors, "UnprocessedIdentifiers": []}

    def list(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListRecords: identifiers, in order, a page at a time."""
        group = self._online(request["FeatureGroupName"])
        most, after = int(request.get("MaxResults", 100)), request.get("NextToken", "")
        with_deleted = bool(request.get("IncludeSoftDeletedRecords", False))
        now = self.backend.now()
        found = self.records.identifiers(group.name, after, most + 1, now, with_deleted)
        more = {"NextToken": found[most - 1]} if len(found) > most else {}
        return {"RecordIdentifiers": found[:most], **more}

    def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteRecord: a mark in both stores; with HardDelete the online one forgets."""
        group = self.find(request["FeatureGroupName"])
        identifier = request["RecordIdentifierValueAsString"]
        moment = moment_of(group, request["EventTime"])
        stores = _stores(group, request)
        values: dict[str, Value] = {
            group.identifier: identifier,
            group.event_time: request["EventTime"],
        }
        hard = request.get("DeletionMode") == "HardDelete" and "OnlineStore" in stores
        if hard:
            known = self.records.find(group.name, identifier)
            if known is not None and moment <= known.event_time:
                raise validation_error(
                    f"EventTime {request['EventTime']} is not later than the record's own."
                )
        self._keep(group, Record(identifier, moment, values, deleted=True), stores)
        if hard:
            self.records.remove(group.name, identifier)
        return {}

    def _keep(self, group: Group, record: Record, stores: Sequence[str]) -> None:
        now = self.backend.now()
        # A column's values may be null, so that a row holds what the record has.
        row = offline_row(dict(record.values), record.deleted, now)
        is_offline = "OfflineStore" in stores
        online = "OnlineStore" in stores
        self.records.put(group.name, record, row if is_offline else None, online, now)
        if is_offline:
            self.offline.notice()

    def _online(self, name: str) -> Group:
        group = self.find(name)
        if not group.is_online:
            raise validation_error(
                f"The feature group {group.name} has no online store; query its offline one."
            )
        return group

    def _alive(self, group: Group, identifier: str) -> Record | None:
        found = self.records.find(group.name, identifier)
        if found is None or found.deleted:
            return None
        expired = found.expires is not None and found.expires <= self.backend.now()
        return None if expired else found


def _stores(group: Group, request: dict[str, Any]) -> list[str]:
    asked: list[str] = request.get("TargetStores") or group.stores
    if absent := [store for store in asked if store not in group.stores]:
        raise validation_error(
            f"The feature group {group.name} has no {absent[0]}; it has {group.stores[0]}."
        )
    return asked


def _features(group: Group, names: Sequence[str] | None) -> list[str]:
    unknown = [name for name in names or () if name not in group.features]
    if unknown:
        raise validation_error(
            f"The feature group {group.name} has no feature '{unknown[0]}'; it has "
            f"{', '.join(group.features)}."
        )
    return list(names or group.features)


def _answer(record: Record, names: Sequence[str], request: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Record": [_told(name, record.values[name]) for name in names if name in record.values]
    }
    if request.get("ExpirationTimeResponse") == "Enabled" and record.expires is not None:
        expires = datetime.fromtimestamp(record.expires, tz=timezone.utc)
        answer["ExpiresAt"] = f"{expires:%Y-%m-%dT%H:%M:%SZ}"
    return answer


def _told(name: str, value: Value) -> dict[str, Any]:
    kind = "ValueAsStringList" if isinstance(value, list) else "ValueAsString"
    return {"FeatureName": name, kind: value}
