"""The model registry: packages with versions, approval and metrics, in their groups.

Kind ModelPackage is stored by ARN; `registry_groups` holds the groups. A version number is used
once, even when its package is deleted.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from local.backend import Action, Backend
from local.errors import ApiError, validation_error
from local.listing import Listing
from local.model_data import check_model_data
from local.registry_groups import Groups
from local.store import Document, DocumentExists, Store, public

KIND = "ModelPackage"
REQUEST = "ModelPackageRequest"  # a request's ClientToken -> the package that it made
EVENT = "SageMaker Model Package State Change"
DESCRIBED = (
    "ModelPackageDescription",
    "ModelPackageRegistrationType",
    "InferenceSpecification",
    "ValidationSpecification",
    "SourceAlgorithmSpecification",
    "MetadataProperties",
    "ModelMetrics",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "CustomerMetadataProperties",
    "DriftCheckBaselines",
    "AdditionalInferenceSpecifications",
    "SkipModelValidation",
    "SourceUri",
    "SecurityConfig",
    "ModelCard",
    "ModelLifeCycle",
)
UPDATED = (
    "ModelApprovalStatus",
    "ModelPackageRegistrationType",
    "ApprovalDescription",
    "InferenceSpecification",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
)
SUMMARY = (
    "ModelPackageName",
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "ModelPackageStatus",
    "ModelApprovalStatus",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
)
PACKAGES = Listing(
    answer="ModelPackageSummaryList", name="_Name", summary=SUMMARY, default_order="Descending"
)


def find_package(store: Store, arn_prefix: str, name_or_arn: str) -> Document:
    """A package by ARN, by name, or as `group/version`; raises ApiError.

    `arn_prefix` is the ARN of model packages up to the name.
    """
    arn = name_or_arn if name_or_arn.startswith("arn:") else arn_prefix + name_or_arn
    document = store.find(KIND, arn)
    if document is None:
        raise validation_error(f"ModelPackage {arn} does not exist.")
    return document


class Registry:
    """The actions on model packages and their groups."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._store = backend.store
        self._groups = Groups(backend, KIND)
        self.actions: dict[str, Action] = {
            **self._groups.actions,
            "CreateModelPackage": self._create,
            "DescribeModelPackage": self._describe,
            "ListModelPackages": self._list,
            "UpdateModelPackage": self._update,
            "DeleteModelPackage": self._delete,
            "BatchDescribeModelPackage": self._batch_describe,
        }

    def recover(self) -> None:
        """Nothing of a package can be half done."""

    def _find(self, name_or_arn: str) -> Document:
        return find_package(self._store, self._backend.arn("model-package/"), name_or_arn)

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        self._check(request)
        token = request.get("ClientToken")
        if token and (made := self._store.find(REQUEST, token)):
            return {"ModelPackageArn": made["ModelPackageArn"]}
        group = request.get("ModelPackageGroupName")
        version = self._groups.next_version(group) if group else None
        name = f"{group}/{version}" if group else request["ModelPackageName"]
        arn = self._backend.arn(f"model-package/{name}")
        document = self._document(request, arn, name, version)
        if token:
            try:
                self._store.create(REQUEST, token, {"ModelPackageArn": arn, "_Token": token})
            except DocumentExists:
                # The same request came at the same time; the version number is lost.
                return {"ModelPackageArn": self._store.get(REQUEST, token)["ModelPackageArn"]}
        try:
            self._store.create(KIND, arn, document)
        except DocumentExists as error:
            # The SDK looks for this code and these words.
            raise validation_error(f"ModelPackage already exists: {arn}") from error
        self._backend.tags.attach(arn, request.get("Tags"))
        self._send(document)
        return {"ModelPackageArn": arn}

    def _check(self, request: dict[str, Any]) -> None:
        named = [k for k in ("ModelPackageName", "ModelPackageGroupName") if request.get(k)]
        if len(named) != 1:
            raise validation_error(
                "A model package needs one of ModelPackageGroupName (versioned) and "
                f"ModelPackageName (unversioned); it has {' and '.join(named) or 'neither'}."
            )
        if not {"InferenceSpecification", "SourceAlgorithmSpecification", "SourceUri"} & set(
            request
        ):
            raise validation_error(
                "A model package needs an InferenceSpecification, a SourceAlgorithmSpecification "
                "or a SourceUri."
            )
        self._check_data(request.get("InferenceSpecification"))
        for specification in request.get("AdditionalInferenceSpecifications") or []:
            self._check_data(specification)
        for source in (request.get("SourceAlgorithmSpecification") or {}).get(
            "SourceAlgorithms", ()
        ):
            check_model_data(self._backend.objects, source)

    def _check_data(self, specification: dict[str, Any] | None) -> None:
        for container in (specification or {}).get("Containers") or []:
            check_model_data(self._backend.objects, container)

    def _document(
        self, request: dict[str, Any], arn: str, name: str, version: int | None
    ) -> Document:
        if version is None:
            identity: Document = {"ModelPackageName": name}
        else:
            identity = {
                "ModelPackageGroupName": request["ModelPackageGroupName"],
                "ModelPackageVersion": version,
                "ModelApprovalStatus": request.get("ModelApprovalStatus", "PendingManualApproval"),
            }
        return (
            identity
            | {key: request[key] for key in DESCRIBED if key in request}
            | {
                "ModelPackageArn": arn,
                "CreationTime": self._backend.now(),
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
                "CertifyForMarketplace": request.get("CertifyForMarketplace", False),
                "CreatedBy": {},
                "_Name": name,
            }
        )

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return public(self._find(request["ModelPackageName"]))

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        group = request.get("ModelPackageGroupName")
        kind = request.get("ModelPackageType", "Versioned" if group else "Unversioned")
        approval = request.get("ModelApprovalStatus")
        if group:
            group = self._groups.get(group)["ModelPackageGroupName"]

        def wanted(document: Document) -> bool:
            versioned = "ModelPackageVersion" in document
            return (
                group in (None, document.get("ModelPackageGroupName"))
                and kind in ("Both", "Versioned" if versioned else "Unversioned")
                and approval in (None, document.get("ModelApprovalStatus"))
            )

        return PACKAGES.respond(self._store.list(KIND, wanted), request)

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = self._find(request["ModelPackageArn"])["ModelPackageArn"]
        self._check_data(request.get("InferenceSpecification"))
        now = self._backend.now()
        changed: list[str] = []

        def change(document: Document) -> None:
            before = dict(document)
            document.update({key: request[key] for key in UPDATED if key in request})
            _change_metadata(document, request)
            _add_specifications(document, request)
            changed.extend(key for key, value in document.items() if before.get(key) != value)
            document.update(LastModifiedTime=now, LastModifiedBy={})

        document = self._store.update(KIND, arn, change)
        if changed:
            self._send(document, changed)
        return {"ModelPackageArn": arn}

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = self._find(request["ModelPackageName"])["ModelPackageArn"]
        self._store.delete(KIND, arn)
        for made in self._store.list(REQUEST, lambda made: made["ModelPackageArn"] == arn):
            self._store.delete(REQUEST, made["_Token"])
        self._backend.tags.remove_all(arn)
        return {}

    def _batch_describe(self, request: dict[str, Any]) -> dict[str, Any]:
        summaries: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        for arn in request["ModelPackageArnList"]:
            try:
                summaries[arn] = _batch_summary(self._find(arn))
            except ApiError as error:
                errors[arn] = {"ErrorCode": error.code, "ErrorResponse": error.message}
        return {
            "ModelPackageSummaries": summaries,
            "BatchDescribeModelPackageErrorMap": errors,
        }

    def _send(self, document: Document, changed: list[str] | None = None) -> None:
        detail = public(document) | {"ModelPackageName": document["_Name"]}
        for field in ("CreationTime", "LastModifiedTime"):
            if field in detail:
                time = datetime.fromtimestamp(detail[field], tz=timezone.utc)
                detail[field] = time.strftime("%Y-%m-%dT%H:%M:%SZ")
        if changed:
            detail["UpdatedModelPackageFields"] = changed
        arn = document["ModelPackageArn"]
        tags = self._backend.tags.actions["ListTags"]({"ResourceArn": arn})["Tags"]
        detail["Tags"] = {tag["Key"]: tag["Value"] for tag in tags}
        self._backend.events.emit(EVENT, detail, [arn])


def _change_metadata(document: Document, request: dict[str, Any]) -> None:
    removed = request.get("CustomerMetadataPropertiesToRemove") or []
    if removed or "CustomerMetadataProperties" in request:
        properties = {
            **(document.get("CustomerMetadataProperties") or {}),
            **(request.get("CustomerMetadataProperties") or {}),
        }
        kept = {key: value for key, value in properties.items() if key not in removed}
        document["CustomerMetadataProperties"] = kept


def _add_specifications(document: Document, request: dict[str, Any]) -> None:
    added = request.get("AdditionalInferenceSpecificationsToAdd")
    if added:
        present = document.get("AdditionalInferenceSpecifications") or []
        document["AdditionalInferenceSpecifications"] = [*present, *added]


def _batch_summary(document: Document) -> Document:
    keys = (*SUMMARY, "InferenceSpecification")
    return {key: document[key] for key in keys if key in document}
