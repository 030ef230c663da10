"""What steps can read of the steps before them: properties, property files, JSON in S3."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local.backend import Backend
from local.errors import ApiError
from local.iam.caller import Caller, acting
from local.objects import split_uri
from local.pipelines.callbacks import typed_outputs
from local.pipelines.definition import Definition
from local.pipelines.paths import PathFault, look_up
from local.pipelines.records import Records
from local.pipelines.steps import JOB_TYPES, Call, arn_name
from local.pipelines.values import Scope, ValueFault
from local.store import Document

TOP_TRAINING_JOBS = 50  # a tuning step shows its best training jobs, at most this many


class Properties:
    """Reads the finished steps of one execution, and S3 as `reader`, the pipeline's role."""

    def __init__(
        self,
        backend: Backend,
        records: Records,
        call: Call,
        arn: str,
        definition: Definition,
        reader: Caller | None = None,
    ) -> None:
        self._objects = backend.objects
        self._records = records
        self._call = call
        self._arn = arn
        self._definition = definition
        self._reader = reader

    def scope(self, parameters: Mapping[str, Any]) -> Scope:
        """A Scope over these steps, without execution variables yet."""
        return Scope(parameters, {}, self.of, self.property_file, self.json_object)

    def of(self, name: str) -> Any:
        """The properties of a finished step; raises ValueFault when it has none."""
        record = self._records.step(self._arn, name)
        if record is None or record["StepStatus"] != "Succeeded":
            raise ValueFault(f"The step {name} has no properties, because it has not succeeded.")
        try:
            return self._describe(record)
        except ApiError as error:
            raise ValueFault(f"The properties of the step {name}: {error.message}") from error

    def still_there(self, record: Document) -> bool:
        """Whether what a finished step made can still be described."""
        try:
            self._describe(record)
        except ApiError:
            return False
        return True

    def _describe(self, record: Document) -> Any:
        kind, metadata = record["_Type"], record["Metadata"]
        if kind in JOB_TYPES:
            return self._job(kind, arn_name(metadata[JOB_TYPES[kind].metadata]["Arn"]))
        if kind == "Model":
            return self._call("DescribeModel", {"ModelName": arn_name(metadata["Model"]["Arn"])})
        if kind == "RegisterModel":
            arn = metadata["RegisterModel"]["Arn"]
            return self._call("DescribeModelPackage", {"ModelPackageName": arn})
        if kind in ("Lambda", "Callback"):
            step = self._definition.steps[record["StepName"]]
            outputs = metadata[kind].get("OutputParameters", [])
            return {"OutputParameters": typed_outputs(step, outputs)}
        return dict(metadata.get(kind, {}))

    def _job(self, step_type: str, name: str) -> dict[str, Any]:
        job = JOB_TYPES[step_type]
        described = self._call(f"Describe{job.kind}", {job.name_field: name})
        return described | self._best_jobs(described) if step_type == "Tuning" else described

    def _best_jobs(self, tuning_job: Document) -> dict[str, Any]:
        """Best first, as the SDK's get_top_model_s3_uri expects of TrainingJobSummaries."""
        objective = tuning_job["HyperParameterTuningJobConfig"].get(
            "HyperParameterTuningJobObjective", {}
        )
        request = {
            "HyperParameterTuningJobName": tuning_job["HyperParameterTuningJobName"],
            "SortBy": "FinalObjectiveMetricValue",
            "SortOrder": "Ascending" if objective.get("Type") == "Minimize" else "Descending",
            "StatusEquals": "Completed",
            "MaxResults": TOP_TRAINING_JOBS,
        }
        answer = self._call("ListTrainingJobsForHyperParameterTuningJob", request)
        return {"TrainingJobSummaries": answer["TrainingJobSummaries"]}

    def property_file(self, step: str, name: str) -> Any:
        """The parsed property file of a Processing step; raises ValueFault."""
        declared = self._definition.steps[step].body.get("PropertyFiles") or []
        file = next(file for file in declared if file["PropertyFileName"] == name)
        keys = ("ProcessingOutputConfig", "Outputs", file["OutputName"], "S3Output", "S3Uri")
        try:
            folder = look_up(self.of(step), keys, f"The step {step}")
        except PathFault as fault:
            raise ValueFault(f"The property file {name}: {fault}") from fault
        return self.json_object(f"{folder.rstrip('/')}/{file['FilePath'].lstrip('/')}")

    def json_object(self, uri: str) -> Any:
        """The parsed JSON object at an S3 URI; raises ValueFault."""
        try:
            with acting(self._reader):
                stored = self._objects.find(*split_uri(uri))
        except (ApiError, ValueError) as error:
            raise ValueFault(str(error)) from error
        if stored is None:
            raise ValueFault(f"There is no object at {uri}, where JSON was expected.")
        try:
            return json.loads(stored.path.read_bytes())
        except ValueError as error:
            raise ValueFault(f"The object at {uri} is not JSON: {error}.") from error
