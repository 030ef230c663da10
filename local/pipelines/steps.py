"""What each step type does: one small function per type, in an explicit table.

A runner gets a Work (the step, its resolved arguments, and the ways out of the interpreter) and
returns the step's Metadata as ListPipelineExecutionSteps shows it, or raises StepFault.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.errors import ApiError
from local.pipelines import callbacks, conditions
from local.pipelines.definition import Step
from local.pipelines.retry import SERVICE_FAULT, type_of_error, type_of_reason
from local.pipelines.values import Scope
from local.store import Store

Call = Callable[[str, dict[str, Any]], dict[str, Any]]
Invoke = Callable[[str, dict[str, Any]], Any]
Metadata = dict[str, Any]


class StepFault(Exception):
    """A step failed; `exception_type` is what its retry policies may name, `stopped` a stop."""

    def __init__(
        self, message: str, exception_type: str | None = None, stopped: bool = False
    ) -> None:
        super().__init__(message)
        self.exception_type = exception_type
        self.stopped = stopped


@dataclass(frozen=True)
class JobType:
    """The API names of one kind of job."""

    kind: str
    metadata: str
    longest_name: int = 63

    @property
    def name_field(self) -> str:
        return f"{self.kind}Name"

    @property
    def status_field(self) -> str:
        return f"{self.kind}Status"


JOB_TYPES: Mapping[str, JobType] = {
    "Training": JobType("TrainingJob", "TrainingJob"),
    "Processing": JobType("ProcessingJob", "ProcessingJob"),
    "Transform": JobType("TransformJob", "TransformJob"),
    "Tuning": JobType("HyperParameterTuningJob", "TuningJob", longest_name=32),
}
NAME_FIELDS = {step: job.name_field for step, job in JOB_TYPES.items()} | {"Model": "ModelName"}
ENDED = ("Completed", "Failed", "Stopped")


@dataclass
class Work:
    """One attempt at one step.

    `announce` records the Metadata of a step that has begun; `name` is the generated job name.
    """

    step: Step
    execution_arn: str
    arguments: dict[str, Any]
    name: str
    scope: Scope
    call: Call
    invoke: Invoke
    send_message: Callable[[str, str], None]
    store: Store
    record: str
    announce: Callable[[Metadata], None]
    stopping: threading.Event = field(default_factory=threading.Event)


def perform(work: Work, action: str, request: dict[str, Any]) -> dict[str, Any]:
    """One SageMaker action for a step; raises StepFault with AWS's wording."""
    try:
        return work.call(action, request)
    except ApiError as error:
        raise StepFault(
            f"ClientError: Failed to invoke sagemaker:{action}. Error Details: {error.message}",
            type_of_error(error.code, error.status),
        ) from error
    except Exception as error:  # whatever a service raises by mistake is a service fault, as on AWS
        raise StepFault(
            f"InternalServerError: sagemaker:{action} failed: {type(error).__name__}: {error}",
            SERVICE_FAULT,
        ) from error


def run_job(work: Work) -> Metadata:
    """Training, Processing, Tuning, Transform: create the job and wait for its end."""
    job = JOB_TYPES[work.step.type]
    answer = perform(work, f"Create{job.kind}", work.arguments | {job.name_field: work.name})
    metadata = {job.metadata: {"Arn": answer[f"{job.kind}Arn"]}}
    work.announce(metadata)
    if work.stopping.is_set():  # the stop came before there was a job to stop
        stop_job(work.call, work.step.type, metadata)
    document = work.store.wait(job.kind, work.name, lambda d: d[job.status_field] in ENDED)
    if document[job.status_field] == "Completed":
        return metadata
    raise _job_fault(work, job, document)


def _job_fault(work: Work, job: JobType, document: dict[str, Any]) -> StepFault:
    if document[job.status_field] == "Stopped":
        why = document.get("SecondaryStatus", "Stopped")
        return StepFault(
            f"ClientError: The {job.kind} {work.name} ended as {why}.",
            stopped=work.stopping.is_set(),
        )
    reason = document.get("FailureReason") or f"The {job.kind} {work.name} failed without a reason."
    exception_type = type_of_reason(reason)
    if exception_type and work.step.type == "Tuning":
        exception_type = None  # a tuning job retries its training jobs itself; AWS never retries it
    prefix = "" if exception_type else "ClientError: "
    return StepFault(prefix + reason, exception_type)


def stop_job(call: Call, step_type: str, metadata: Metadata) -> None:
    """Ask a step's job to stop; nothing happens for steps without one."""
    job = JOB_TYPES.get(step_type)
    if job is None or job.metadata not in metadata:
        return
    try:
        call(f"Stop{job.kind}", {job.name_field: arn_name(metadata[job.metadata]["Arn"])})
    except ApiError:
        return  # it has just ended, or is stopping already: there is nothing left to stop


def arn_name(arn: str) -> str:
    """The resource's name, which is all after the first slash of its ARN."""
    return arn.partition("/")[2]


def run_model(work: Work) -> Metadata:
    """Create a model."""
    answer = perform(work, "CreateModel", work.arguments | {"ModelName": work.name})
    return {"Model": {"Arn": answer["ModelArn"]}}


def run_register_model(work: Work) -> Metadata:
    """Create a model package, and its group when there is none yet, as Pipelines does on AWS."""
    request = dict(work.arguments)
    group = request.get("ModelPackageGroupName")
    if group is not None and not _group_exists(work, group):
        perform(work, "CreateModelPackageGroup", {"ModelPackageGroupName": group})
    origin = {"GeneratedBy": work.execution_arn} | (request.get("MetadataProperties") or {})
    answer = perform(work, "CreateModelPackage", request | {"MetadataProperties": origin})
    return {"RegisterModel": {"Arn": answer["ModelPackageArn"]}}


def _group_exists(work: Work, group: str) -> bool:
    try:
        work.call("DescribeModelPackageGroup", {"ModelPackageGroupName": group})
    except ApiError:
        return False
    return True


def run_condition(work: Work) -> Metadata:
    """Decide which branch follows."""
    holds = conditions.evaluate_all(work.step.arguments["Conditions"], work.scope)
    return {"Condition": {"Outcome": str(holds)}}


def run_fail(work: Work) -> Metadata:
    """Fail with the step's own message."""
    message = str(work.arguments["ErrorMessage"])
    work.announce({"Fail": {"ErrorMessage": message}})
    raise StepFault(message)


def run_lambda(work: Work) -> Metadata:
    """Invoke a function with the arguments; its answer's fields are the step's outputs."""
    arn = work.arguments.pop(FUNCTION_ARN)
    work.announce({"Lambda": {"Arn": arn}})
    try:
        answer = work.invoke(arn, work.arguments)
    except ApiError as error:
        raise StepFault(
            f"ClientError: Failed to invoke {arn}. Error Details: {error.message}",
            type_of_error(error.code, error.status),
        ) from error
    declared = callbacks.output_types(work.step)
    given = answer if isinstance(answer, dict) else {}
    if missing := [name for name in declared if name not in given]:
        raise StepFault(
            f"The function {arn} answered without the output {missing[0]}: {json.dumps(answer)}"
        )
    outputs = callbacks.as_outputs({name: given[name] for name in declared})
    return {"Lambda": {"Arn": arn, "OutputParameters": outputs}}


def run_callback(work: Work) -> Metadata:
    """Send a message with a token to a queue and wait until somebody answers the token."""
    url = work.arguments.pop(QUEUE_URL)
    token = callbacks.new_token()
    metadata = {"CallbackToken": token, "SqsQueueUrl": url}
    work.announce({"Callback": metadata})
    _send(work, url, callbacks.message(work.execution_arn, token, work.arguments, "Executing"))
    document = work.store.wait(
        callbacks.KIND, work.record, lambda d: "_Answer" in d or work.stopping.is_set()
    )
    if "_Answer" not in document:
        _send(work, url, callbacks.message(work.execution_arn, token, work.arguments, "Stopping"))
        document = work.store.wait(callbacks.KIND, work.record, lambda d: "_Answer" in d)
    answer = document["_Answer"]
    if "FailureReason" in answer:
        raise StepFault(answer["FailureReason"], stopped=work.stopping.is_set())
    outputs = callbacks.as_outputs(answer["OutputParameters"])
    return {"Callback": metadata | {"OutputParameters": outputs}}


def _send(work: Work, url: str, body: str) -> None:
    try:
        work.send_message(url, body)
    except ApiError as error:
        raise StepFault(f"ClientError: {error.message}") from error


# Fields of a step's body, beside its Arguments, that may hold functions too.
FUNCTION_ARN = "FunctionArn"
QUEUE_URL = "SqsQueueUrl"
BODY_FIELDS = {"Lambda": FUNCTION_ARN, "Callback": QUEUE_URL}

RUNNERS: Mapping[str, Callable[[Work], Metadata]] = {
    "Processing": run_job,
    "Training": run_job,
    "Tuning": run_job,
    "Transform": run_job,
    "Model": run_model,
    "RegisterModel": run_register_model,
    "Condition": run_condition,
    "Fail": run_fail,
    "Lambda": run_lambda,
    "Callback": run_callback,
}
