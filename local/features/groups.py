"""SageMaker's feature groups: created, described, listed, extended, deleted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from local.backend import Action, Backend
from local.errors import ApiError, in_use, not_found, validation_error
from local.features.group import Group, group_of
from local.listing import Listing
from local.store import Document, DocumentExists, NoSuchDocument, public

KIND = "FeatureGroup"
CREATING = 0.2  # seconds in which a group is Creating
DATABASE = "sagemaker_featurestore"
CATALOG = "AwsDataCatalog"
RESERVED = ("is_deleted", "write_time", "api_invocation_time")
DESCRIBED = (
    "FeatureGroupName",
    "RecordIdentifierFeatureName",
    "EventTimeFeatureName",
    "FeatureDefinitions",
    "OnlineStoreConfig",
    "OfflineStoreConfig",
    "RoleArn",
    "Description",
)
GROUPS = Listing(
    answer="FeatureGroupSummaries",
    name="FeatureGroupName",
    summary=(
        "FeatureGroupName",
        "FeatureGroupArn",
        "CreationTime",
        "FeatureGroupStatus",
        "OfflineStoreStatus",
    ),
    status="FeatureGroupStatus",
)


class FeatureGroups:
    """The groups; `forget` is told of one that goes, while it still can be found."""

    def __init__(self, backend: Backend, forget: Callable[[Group], None]) -> None:
        self._backend = backend
        self._store = backend.store
        self._forget = forget
        self.actions: dict[str, Action] = {
            "CreateFeatureGroup": self._create,
            "DescribeFeatureGroup": lambda request: public(self._get(request["FeatureGroupName"])),
            "ListFeatureGroups": self._list,
            "UpdateFeatureGroup": self._update,
            "DeleteFeatureGroup": self._delete,
            "DescribeFeatureMetadata": self._describe_feature,
            "UpdateFeatureMetadata": self._update_feature,
        }

    def recover(self) -> None:
        """Nothing of a group can be half done: its status follows from when it was made."""

    def find(self, name: str) -> Group:
        """The group of a name or ARN, ready for records; raises ApiError."""
        document = self._get(name)
        if document["FeatureGroupStatus"] != "Created":
            raise validation_error(
                f"The feature group {document['FeatureGroupName']} is still "
                f"{document['FeatureGroupStatus']}; wait until it is Created."
            )
        return group_of(document)

    def all(self) -> list[Group]:
        """Every group, in order of creation."""
        return [group_of(document) for document in self._store.list(KIND)]

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        _check(request)
        name, now = request["FeatureGroupName"], self._backend.now()
        arn = self._backend.arn(f"feature-group/{name.lower()}")
        document = {key: request[key] for key in DESCRIBED if key in request} | {
            "FeatureGroupArn": arn,
            "CreationTime": now,
            "LastModifiedTime": now,
            "ThroughputConfig": request.get("ThroughputConfig", {"ThroughputMode": "OnDemand"}),
            "_metadata": {},
        }
        if "OfflineStoreConfig" in request:
            document |= self._offline(request["OfflineStoreConfig"], name, int(now))
        try:
            self._store.create(KIND, name, document)
        except DocumentExists as error:
            raise in_use(f"Resource Already Exists: FeatureGroup {arn} exists already.") from error
        self._backend.tags.attach(arn, request.get("Tags"))
        return {"FeatureGroupArn": arn}

    def _offline(self, config: dict[str, Any], name: str, created: int) -> dict[str, Any]:
        """What an offline store adds: where it lies, and the table that queries know it by."""
        root = config["S3StorageConfig"]["S3Uri"].rstrip("/")
        bucket = root.split("/")[2]
        if not self._backend.objects.has_bucket(bucket):
            raise validation_error(
                f"The offline store's bucket '{bucket}' does not exist; create it first."
            )
        place = f"{self._backend.account}/sagemaker/{self._backend.region}/offline-store"
        storage = {"ResolvedOutputS3Uri": f"{root}/{place}/{name}-{created}/data"}
        made = {"S3StorageConfig": {**config["S3StorageConfig"], **storage}}
        table = re.sub(r"\W", "_", name).lower() + f"_{created}"
        catalog = {"TableName": table, "Catalog": CATALOG, "Database": DATABASE}
        if not config.get("DisableGlueTableCreation"):
            made["DataCatalogConfig"] = config.get("DataCatalogConfig", catalog)
        return {
            "OfflineStoreConfig": {"DisableGlueTableCreation": False, **config, **made},
            "OfflineStoreStatus": {"Status": "Active"},
        }

    def _get(self, name: str) -> Document:
        name = name.rpartition("/")[2]
        document = self._store.find(KIND, name) or self._by_lower_name(name)
        if document is None:
            raise not_found(
                f"Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name {name}"
            )
        return self._with_status(document)

    def _by_lower_name(self, name: str) -> Document | None:
        """The group that an ARN means, which is written in small letters."""
        found = self._store.list(KIND, lambda group: group["FeatureGroupName"].lower() == name)
        return found[0] if found else None

    def _with_status(self, document: Document) -> Document:
        made = self._backend.now() >= document["CreationTime"] + CREATING
        return document | {"FeatureGroupStatus": "Created" if made else "Creating"}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        asked = dict(request)
        if "FeatureGroupStatusEquals" in asked:
            asked["StatusEquals"] = asked.pop("FeatureGroupStatusEquals")
        wanted = asked.pop("OfflineStoreStatusEquals", None)
        if asked.get("SortBy") == "FeatureGroupStatus":
            asked["SortBy"] = "Status"
        found = [
            self._with_status(document)
            for document in self._store.list(KIND)
            if wanted in (None, document.get("OfflineStoreStatus", {}).get("Status"))
        ]
        return GROUPS.respond(found, asked)

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        name = self._get(request["FeatureGroupName"])["FeatureGroupName"]

        def change(document: Document) -> None:
            added = request.get("FeatureAdditions", [])
            _check_features([*document["FeatureDefinitions"], *added])
            document["FeatureDefinitions"] += added
            if "TtlDuration" in request.get("OnlineStoreConfig", {}):
                if not document.get("OnlineStoreConfig", {}).get("EnableOnlineStore"):
                    raise validation_error(f"The feature group {name} has no online store.")
                lifetime = request["OnlineStoreConfig"]["TtlDuration"]
                document["OnlineStoreConfig"]["TtlDuration"] = lifetime
            if "ThroughputConfig" in request:
                document["ThroughputConfig"] = request["ThroughputConfig"]
            document["LastModifiedTime"] = self._backend.now()
            document["LastUpdateStatus"] = {"Status": "Successful"}

        return {"FeatureGroupArn": self._store.update(KIND, name, change)["FeatureGroupArn"]}

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self._get(request["FeatureGroupName"])
        self._forget(group_of(document))
        try:
            self._store.delete(KIND, document["FeatureGroupName"])
        except NoSuchDocument:
            return {}  # another request was faster
        self._backend.tags.remove_all(document["FeatureGroupArn"])
        return {}

    def _describe_feature(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self._get(request["FeatureGroupName"])
        feature = _feature(document, request["FeatureName"])
        kept = document["_metadata"].get(feature["FeatureName"], {})
        parameters = kept.get("Parameters", {})
        return {
            "FeatureGroupArn": document["FeatureGroupArn"],
            "FeatureGroupName": document["FeatureGroupName"],
            "FeatureName": feature["FeatureName"],
            "FeatureType": feature["FeatureType"],
            "CreationTime": document["CreationTime"],
            "LastModifiedTime": kept.get("LastModifiedTime", document["CreationTime"]),
            "Description": kept.get("Description", ""),
            "Parameters": [{"Key": key, "Value": value} for key, value in parameters.items()],
        }

    def _update_feature(self, request: dict[str, Any]) -> dict[str, Any]:
        group = self._get(request["FeatureGroupName"])
        feature = _feature(group, request["FeatureName"])["FeatureName"]

        def change(document: Document) -> None:
            kept = document["_metadata"].setdefault(feature, {"Parameters": {}})
            if "Description" in request:
                kept["Description"] = request["Description"]
            for added in request.get("ParameterAdditions", []):
                kept["Parameters"][added["Key"]] = added.get("Value", "")
            for removed in request.get("ParameterRemovals", []):
                kept["Parameters"].pop(removed, None)
            kept["LastModifiedTime"] = self._backend.now()

        self._store.update(KIND, group["FeatureGroupName"], change)
        return {}


def _check(request: dict[str, Any]) -> None:
    """Raise ApiError for a group that cannot be, or cannot be here."""
    features = request["FeatureDefinitions"]
    _check_features(features)
    types = {each["FeatureName"]: each for each in features}
    for role in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        name = request[role]
        if name not in types or "CollectionType" in types[name]:
            raise validation_error(f"{role} '{name}' must be one of the single-valued features.")
    event_time = types[request["EventTimeFeatureName"]]
    if event_time["FeatureType"] == "Integral":
        raise validation_error("The event time must be String (ISO 8601) or Fractional (seconds).")
    online = request.get("OnlineStoreConfig", {}).get("EnableOnlineStore", False)
    offline = request.get("OfflineStoreConfig")
    if not online and offline is None:
        raise validation_error("A feature group needs an OnlineStoreConfig or OfflineStoreConfig.")
    if offline is not None:
        _check_offline(offline, request)


def _check_offline(offline: dict[str, Any], request: dict[str, Any]) -> None:
    if "RoleArn" not in request:
        raise validation_error("An offline store needs a RoleArn with which it is written.")
    if not offline["S3StorageConfig"]["S3Uri"].startswith("s3://"):
        uri = offline["S3StorageConfig"]["S3Uri"]
        raise validation_error(f"The offline store's S3Uri '{uri}' must begin with s3://.")
    if offline.get("TableFormat", "Glue") == "Iceberg":
        raise ApiError(
            "ValidationException", "The embedded AWS has no Iceberg tables; leave TableFormat out."
        )


def _check_features(features: list[dict[str, Any]]) -> None:
    names = [each["FeatureName"].lower() for each in features]
    for each in features:
        name = each["FeatureName"]
        if name.lower() in RESERVED:
            raise validation_error(f"The feature name '{name}' is one of the store's own columns.")
        if names.count(name.lower()) > 1:
            raise validation_error(f"The feature '{name}' is defined twice.")
        if each.get("CollectionType") == "Vector" and each["FeatureType"] != "Fractional":
            raise validation_error(f"The vector '{name}' must be Fractional.")


def _feature(document: Document, name: str) -> dict[str, Any]:
    for each in document["FeatureDefinitions"]:
        if each["FeatureName"] == name:
            return dict(each)
    raise not_found(
        f"Resource Not Found: the FeatureGroup {document['FeatureGroupName']} has no feature {name}"
    )
