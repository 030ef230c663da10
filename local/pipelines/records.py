"""The durable state of executions and their steps, and the events that each change sends.

Kinds in the store: PipelineExecution by its ARN, PipelineExecutionStep by `<execution ARN>/<step>`.
Every change of status is written before anything follows from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from local.backend import Backend
from local.errors import conflict, not_found
from local.pipelines.definition import Step
from local.pipelines.schedule import Progress
from local.store import Document

EXECUTION = "PipelineExecution"
STEP = "PipelineExecutionStep"
RUNNING = ("Starting", "Executing", "Stopping")
LONGEST_REASON = 1024  # characters of a step's FailureReason
EXECUTION_EVENT = "SageMaker Model Building Pipeline Execution Status Change"
STEP_EVENT = "SageMaker Model Building Pipeline Execution Step Status Change"


def iso_time(seconds: float) -> str:
    """Epoch seconds as AWS's events and execution variables write a time."""
    return datetime.fromtimestamp(seconds, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Records:
    """Reads and writes executions and steps; the only writer of both kinds."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._store = backend.store

    def create_execution(self, arn: str, document: Document) -> None:
        """Record a new execution, in status Executing."""
        self._store.create(EXECUTION, arn, document)
        self._send_execution(document, None)

    def execution(self, arn: str) -> Document:
        """The execution's document; raises ApiError."""
        document = self._store.find(EXECUTION, arn)
        if document is None:
            raise not_found(f"The pipeline execution {arn} does not exist.")
        return document

    def executions(self, pipeline: str | None = None) -> list[Document]:
        """Executions of one pipeline (or of all), oldest first."""
        return self._store.list(EXECUTION, lambda d: pipeline in (None, d["_Pipeline"]))

    def change_execution(
        self,
        arn: str,
        status: str,
        reason: str | None = None,
        only_from: tuple[str, ...] = (),
    ) -> Document:
        """Set the status, as one atomic step; a None reason removes an earlier one.

        With `only_from`, raises ApiError when the execution is in another status.
        """
        self.execution(arn)
        before: list[str] = []

        def change(document: Document) -> None:
            before.append(document["PipelineExecutionStatus"])
            if only_from and before[0] not in only_from:
                raise conflict(
                    f"The pipeline execution {arn} is {before[0]}; "
                    f"it can only become {status} from {' or '.join(only_from)}."
                )
            document.update(PipelineExecutionStatus=status, LastModifiedTime=self._backend.now())
            document.pop("FailureReason", None)
            if reason:
                document["FailureReason"] = reason

        document = self._store.update(EXECUTION, arn, change)
        if before[0] != status:
            self._send_execution(document, before[0])
        return document

    def begin_step(self, arn: str, step: Step, status: str = "Starting", **fields: Any) -> Document:
        """Record that a step starts (again): a new document at the end of the execution's list."""
        if self._store.find(STEP, f"{arn}/{step.name}"):
            self._store.delete(STEP, f"{arn}/{step.name}")
        document = {
            "StepName": step.name,
            **_described(step),
            "StartTime": self._backend.now(),
            "StepStatus": status,
            "AttemptCount": 1,
            "Metadata": {},
            "_Type": step.type,
            "_Execution": arn,
            "_Pipeline": self.execution(arn)["_Pipeline"],
            **fields,
        }
        self._store.create(STEP, f"{arn}/{step.name}", document)
        self._send_step(document, None)
        return document

    def step(self, arn: str, name: str) -> Document | None:
        """A step's document, or None when it never started."""
        return self._store.find(STEP, f"{arn}/{name}")

    def steps(self, arn: str) -> list[Document]:
        """An execution's steps in the order in which they started."""
        return self._store.list(STEP, lambda d: d["_Execution"] == arn)

    def steps_of_pipeline(self, pipeline: str, name: str) -> list[Document]:
        """One step's records in all executions of a pipeline."""
        return self._store.list(STEP, lambda d: (d["_Pipeline"], d["StepName"]) == (pipeline, name))

    def change_step(self, arn: str, name: str, **fields: Any) -> Document:
        """Set fields of a step; FailureReason is cut to what AWS shows."""
        key = f"{arn}/{name}"
        before = self._store.get(STEP, key)["StepStatus"]
        if "FailureReason" in fields:
            fields["FailureReason"] = str(fields["FailureReason"])[:LONGEST_REASON]
        document = self._store.set(STEP, key, **fields)
        if document["StepStatus"] != before:
            self._send_step(document, before)
        return document

    def mark_stopping(self, arn: str) -> list[Document]:
        """Set every running step to Stopping; returns them as they are now."""
        running = [step for step in self.steps(arn) if step["StepStatus"] in RUNNING]
        return [self._mark_stopping(f"{arn}/{step['StepName']}") for step in running]

    def _mark_stopping(self, key: str) -> Document:
        before: list[str] = []

        def change(document: Document) -> None:
            if document["StepStatus"] in ("Starting", "Executing"):
                before.append(document["StepStatus"])
                document["StepStatus"] = "Stopping"

        document = self._store.update(STEP, key, change)
        if before:
            self._send_step(document, before[0])
        return document

    def end_step(self, arn: str, name: str, status: str, **fields: Any) -> Document:
        """Set a step's last status and its end."""
        return self.change_step(arn, name, StepStatus=status, EndTime=self._backend.now(), **fields)

    def forget_steps(self, arn: str, names: Iterable[str]) -> None:
        """Remove steps' records, before they run again or with their pipeline."""
        for name in names:
            self._store.delete(STEP, f"{arn}/{name}")

    def forget_execution(self, arn: str) -> None:
        """Remove an execution and its steps."""
        self.forget_steps(arn, [step["StepName"] for step in self.steps(arn)])
        self._store.delete(EXECUTION, arn)

    def progress(self, arn: str) -> dict[str, Progress]:
        """How far each started step has come."""
        return {step["StepName"]: _progress(step) for step in self.steps(arn)}

    def _send_execution(self, document: Document, before: str | None) -> None:
        status = document["PipelineExecutionStatus"]
        ended = status not in ("Executing", "Stopping")
        modified = document["LastModifiedTime"]
        detail = {
            "pipelineExecutionDisplayName": document["PipelineExecutionDisplayName"],
            "pipelineExecutionDescription": document.get("PipelineExecutionDescription", ""),
            "currentPipelineExecutionStatus": status,
            "previousPipelineExecutionStatus": before,
            "executionStartTime": iso_time(document["CreationTime"]),
            "executionEndTime": iso_time(modified) if ended else None,
        }
        self._send(EXECUTION_EVENT, detail, document["PipelineExecutionArn"])

    def _send_step(self, document: Document, before: str | None) -> None:
        detail = {
            "metadata": _lower_camel(document["Metadata"]),
            "stepStartTime": iso_time(document["StartTime"]),
            "stepEndTime": iso_time(document["EndTime"]) if "EndTime" in document else None,
            "stepName": document["StepName"],
            "stepType": document["_Type"],
            "previousStepStatus": before,
            "currentStepStatus": document["StepStatus"],
            "cacheHitResult": _lower_camel(document.get("CacheHitResult")),
            "failureReason": document.get("FailureReason"),
        }
        self._send(STEP_EVENT, detail, document["_Execution"])

    def _send(self, kind: str, detail: dict[str, Any], execution_arn: str) -> None:
        pipeline_arn = execution_arn.rpartition("/execution/")[0]
        known = {key: value for key, value in detail.items() if value is not None}
        arns = {"pipelineArn": pipeline_arn, "pipelineExecutionArn": execution_arn}
        self._backend.events.emit(kind, known | arns, [pipeline_arn, execution_arn])


def _described(step: Step) -> dict[str, str]:
    fields = {"StepDisplayName": "DisplayName", "StepDescription": "Description"}
    return {key: step.body[name] for key, name in fields.items() if step.body.get(name)}


def _progress(document: Document) -> Progress:
    outcome = document["Metadata"].get("Condition", {}).get("Outcome")
    return Progress(document["StepStatus"], None if outcome is None else outcome == "True")


def _lower_camel(value: Any) -> Any:
    """Keys with a small first letter, as SageMaker's pipeline events have them."""
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: _lower_camel(item) for key, item in value.items()}
    return json.loads(json.dumps(value))
