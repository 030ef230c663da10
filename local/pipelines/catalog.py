"""Pipelines themselves: create, update, describe, list, delete, and their versions.

Kinds in the store: Pipeline by name, PipelineVersion by `<name>/<version>`. A version is made at
each change of the definition.
"""

from __future__ import annotations

from typing import Any

from local.backend import Backend
from local.errors import conflict, not_found, validation_error
from local.listing import Listing
from local.pipelines.loading import DefinitionFault, load
from local.pipelines.records import Records
from local.store import Document, DocumentExists, public

PIPELINE = "Pipeline"
VERSION = "PipelineVersion"
COPIED = ("PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration")
PIPELINES = Listing(
    answer="PipelineSummaries",
    name="PipelineName",
    summary=(
        "PipelineArn",
        "PipelineName",
        "PipelineDisplayName",
        "PipelineDescription",
        "RoleArn",
        "CreationTime",
        "LastModifiedTime",
        "LastExecutionTime",
    ),
)
VERSIONS = Listing(
    answer="PipelineVersionSummaries",
    name="PipelineArn",
    summary=("PipelineArn", "PipelineVersionId", "CreationTime"),
)


def pipeline_name(name_or_arn: str) -> str:
    """The name in a PipelineName field, which may hold an ARN."""
    return name_or_arn.rpartition(":pipeline/")[2]


class Catalog:
    """The actions on pipelines."""

    def __init__(self, backend: Backend, records: Records) -> None:
        self._backend = backend
        self._store = backend.store
        self._records = records
        self.actions = {
            "CreatePipeline": self._create,
            "UpdatePipeline": self._update,
            "DescribePipeline": self._describe,
            "DeletePipeline": self._delete,
            "ListPipelines": self._list,
            "ListPipelineVersions": self._list_versions,
        }

    def get(self, name_or_arn: str) -> Document:
        """The pipeline's document; raises ApiError."""
        name = pipeline_name(name_or_arn)
        document = self._store.find(PIPELINE, name)
        if document is None:
            raise not_found(f"Pipeline '{self._arn(name)}' does not exist.")
        return document

    def version(self, name: str, number: int | None) -> Document:
        """One version of a pipeline, the newest for None; raises ApiError."""
        if number is None:
            number = self._store.get(PIPELINE, name)["_Version"]
        document = self._store.find(VERSION, f"{name}/{number}")
        if document is None:
            raise not_found(f"Pipeline '{self._arn(name)}' has no version {number}.")
        return document

    def mark_run(self, name: str, when: float) -> None:
        """Remember the time of the newest execution."""
        self._store.set(PIPELINE, name, LastRunTime=when)

    def _arn(self, name: str) -> str:
        return self._backend.arn(f"pipeline/{name}")

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name, now = request["PipelineName"], self._backend.now()
        existing = self._store.find(PIPELINE, name)
        if existing and existing["_Token"] == request.get("ClientRequestToken", ""):
            return {"PipelineArn": existing["PipelineArn"]}
        if existing:
            raise self._taken(name)
        text = self._definition_text(request, required=True)
        document = {
            "PipelineArn": self._arn(name),
            "PipelineName": name,
            "PipelineDisplayName": name,
            "PipelineStatus": "Active",
            "CreationTime": now,
            "LastModifiedTime": now,
            "CreatedBy": {},
            "LastModifiedBy": {},
            "_Version": 1,
            "_Token": request.get("ClientRequestToken"),
        } | {key: request[key] for key in COPIED if key in request}
        try:
            self._store.create(PIPELINE, name, document)
        except DocumentExists as error:
            raise self._taken(name) from error
        self._add_version(name, 1, str(text))
        self._backend.tags.attach(document["PipelineArn"], request.get("Tags"))
        return {"PipelineArn": document["PipelineArn"]}

    def _taken(self, name: str) -> Exception:
        # The SDK's upsert looks for this code and for "already exists".
        return validation_error(
            "Pipeline names must be unique within an AWS account and region. "
            f"Pipeline with name ({name}) already exists."
        )

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        name = self.get(request["PipelineName"])["PipelineName"]
        text = self._definition_text(request, required=False)
        fields = {key: request[key] for key in COPIED if key in request}
        number = self._store.get(PIPELINE, name)["_Version"]
        if text is not None and text != self.version(name, number)["PipelineDefinition"]:
            number += 1
            self._add_version(name, number, text)
        document = self._store.set(
            PIPELINE, name, LastModifiedTime=self._backend.now(), _Version=number, **fields
        )
        return {"PipelineArn": document["PipelineArn"], "PipelineVersionId": number}

    def _definition_text(self, request: dict[str, Any], required: bool) -> str | None:
        """The request's definition, checked; from S3 when it says so."""
        text, location = (
            request.get("PipelineDefinition"),
            request.get("PipelineDefinitionS3Location"),
        )
        if text and location:
            raise validation_error(
                "Give one of PipelineDefinition and PipelineDefinitionS3Location, not both."
            )
        if location:
            text = self._read(location["Bucket"], location["ObjectKey"])
        if text is None and required:
            raise validation_error("Give PipelineDefinition or PipelineDefinitionS3Location.")
        if text is not None:
            try:
                load(text)
            except DefinitionFault as fault:
                raise validation_error(str(fault)) from fault
        return text

    def _read(self, bucket: str, key: str) -> str:
        stored = self._backend.objects.find(bucket, key)
        if stored is None:
            raise validation_error(f"There is no pipeline definition at s3://{bucket}/{key}.")
        return stored.path.read_text()

    def _add_version(self, name: str, number: int, text: str) -> None:
        document = {
            "PipelineArn": self._arn(name),
            "PipelineVersionId": number,
            "PipelineDefinition": text,
            "CreationTime": self._backend.now(),
            "_Pipeline": name,
        }
        self._store.create(VERSION, f"{name}/{number}", document)

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self.get(request["PipelineName"])
        version = self.version(document["PipelineName"], request.get("PipelineVersionId"))
        return public(document) | {"PipelineDefinition": version["PipelineDefinition"]}

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self.get(request["PipelineName"])
        name, arn = document["PipelineName"], document["PipelineArn"]
        executions = self._records.executions(name)
        if any(e["PipelineExecutionStatus"] in ("Executing", "Stopping") for e in executions):
            raise conflict(f"Pipeline '{arn}' has running executions; stop them first.")
        for execution in executions:
            self._records.forget_execution(execution["PipelineExecutionArn"])
        for version in self._store.list(VERSION, lambda d: d["_Pipeline"] == name):
            self._store.delete(VERSION, f"{name}/{version['PipelineVersionId']}")
        self._store.delete(PIPELINE, name)
        self._backend.tags.remove_all(arn)
        return {"PipelineArn": arn}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        prefix = request.get("PipelineNamePrefix", "")
        found = self._store.list(PIPELINE, lambda d: d["PipelineName"].startswith(prefix))
        for document in found:
            if "LastRunTime" in document:
                document["LastExecutionTime"] = document["LastRunTime"]
        return PIPELINES.respond(found, request)

    def _list_versions(self, request: dict[str, Any]) -> dict[str, Any]:
        name = self.get(request["PipelineName"])["PipelineName"]
        return VERSIONS.respond(
            self._store.list(VERSION, lambda d: d["_Pipeline"] == name), request
        )
