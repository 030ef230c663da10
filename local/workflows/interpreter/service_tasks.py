"""Repairs of tasks that call AWS's APIs: names, requests, answers, errors, and their end."""

from __future__ import annotations

import copy
import re
import uuid
from typing import Any

import botocore
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import (
    CustomErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSeconds
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_dynamodb,
    state_task_service_events,
    state_task_service_factory,
    state_task_service_lambda,
    state_task_service_sns,
    state_task_service_sqs,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (  # noqa: E501
    StateTaskService,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (  # noqa: E501
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (  # noqa: E501
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from local.workflows.interpreter import jobs
from local.workflows.interpreter.clients import boto_names, operation_of, service_model
from local.workflows.interpreter.replacing import replace_everywhere
from local.workflows.interpreter.size import to_json
from local.workflows.interpreter.values import OPTIMISED, SDK, Spelling

SDK_SERVICE = "aws-sdk"
# What the optimised integrations call a service in an error's name and in its cause.
NAMES = {
    "lambda": ("Lambda", "AWSLambda"),
    "dynamodb": ("DynamoDB", "AmazonDynamoDBv2"),
    "sns": ("SNS", "AmazonSNS"),
    "sqs": ("SQS", "AmazonSQS"),
    "states": ("StepFunctions", "AWSStepFunctions"),
    "events": ("EventBridge", "AmazonEventBridge"),
    "sagemaker": ("SageMaker", "AmazonSageMaker"),
}


def find_boto_services() -> None:
    """moto gives boto the service's name as definitions have it, which boto may not know."""
    StateTaskService._get_boto_service_name = _boto_service
    StateTaskService._get_boto_service_action = _boto_method


def _boto_service(task: Any, boto_service_name: str | None = None) -> str:
    name = (boto_service_name or task.resource.api_name).lower()
    return {"states": "stepfunctions"}.get(name) or boto_names().get(name, name)


def _boto_method(task: Any, service_action_name: str | None = None) -> str:
    action = service_action_name or task.resource.api_action
    return str(botocore.xform_name(action[:1].upper() + action[1:]))


def _operation(task: Any, service: str | None, action: str | None) -> OperationModel | None:
    boto_service = _boto_service(task, service)
    if boto_service not in boto_names().values():
        return None
    pascal = "".join(part.capitalize() for part in action.split("_")) if action else ""
    return operation_of(boto_service, pascal or task.resource.api_action)


def _spelling(task: Any) -> Spelling:
    return SDK if task.resource.service_name == SDK_SERVICE else OPTIMISED


def translate_requests_and_answers() -> None:
    """moto passes names as they come; the API's and the definition's differ."""

    def to_request(
        task: Any,
        parameters: dict[str, Any],
        boto_service_name: str | None = None,
        service_action_name: str | None = None,
    ) -> None:
        operation = _operation(task, boto_service_name, service_action_name)
        if operation and operation.input_shape:
            request = _spelling(task).to_request(parameters, operation.input_shape)
            parameters.clear()
            parameters.update(request)

    def to_answer(
        task: Any,
        response: Any,
        boto_service_name: str | None = None,
        service_action_name: str | None = None,
    ) -> None:
        operation = _operation(task, boto_service_name, service_action_name)
        if isinstance(response, dict) and operation and operation.output_shape:
            answer = _spelling(task).to_answer(response, operation.output_shape)
            response.clear()
            response.update(answer)

    StateTaskService._normalise_parameters = to_request
    StateTaskService._normalise_response = to_answer


def end_with_the_execution() -> None:
    """moto records the success of a task whose execution or branch was stopped meanwhile."""
    StateTaskService._eval_execution = _eval_execution


def _eval_execution(task: Any, env: Any) -> None:
    task.resource.eval(env=env)
    part = env.stack.pop()
    raw = task._eval_parameters(env=env)
    credentials = task._eval_state_credentials(env=env)
    _refuse_unknown_fields(task, env, raw)
    task._before_eval_execution(
        env=env, resource_runtime_part=part, raw_parameters=raw, state_credentials=credentials
    )
    parameters = copy.deepcopy(raw)
    task._normalise_parameters(parameters)
    called = {
        "env": env,
        "resource_runtime_part": part,
        "normalised_parameters": parameters,
        "state_credentials": credentials,
    }
    task._eval_service_task(**called)
    if env.is_running():
        task._normalise_response(env.stack[-1])
        task._after_eval_execution(**called)


def _refuse_unknown_fields(task: Any, env: Any, parameters: Any) -> None:
    operation = _operation(task, None, None)
    if operation is None or operation.input_shape is None:
        return
    unknown = _spelling(task).unknown(parameters, operation.input_shape)
    if unknown:
        faults = ", ".join(f'The field "{n}" is not supported by Step Functions' for n in unknown)
        cause = f"The Parameters '{to_json(parameters)}' could not be used to start the Task: "
        raise FailureEventException(_failure(task, env, "States.Runtime", f"{cause}[{faults}]"))


def _failure(task: Any, env: Any, error: str, cause: str) -> FailureEvent:
    return FailureEvent(
        env=env,
        error_name=CustomErrorName(error),
        event_type=HistoryEventType.TaskFailed,
        event_details=EventDetails(
            taskFailedEventDetails={
                "error": error,
                "cause": cause,
                "resource": task._get_sfn_resource(),
                "resourceType": task._get_sfn_resource_type(),
            }
        ),
    )


def name_errors_as_aws_does() -> None:
    """moto names errors after the definition's own spelling, and some not after the error."""
    base = StateTaskService._from_error
    _name_sdk_errors()
    for module, name in (
        (state_task_service_dynamodb, "StateTaskServiceDynamoDB"),
        (state_task_service_events, "StateTaskServiceEvents"),
        (state_task_service_lambda, "StateTaskServiceLambda"),
        (state_task_service_sns, "StateTaskServiceSns"),
        (state_task_service_sqs, "StateTaskServiceSqs"),
    ):
        _name_optimised_errors(getattr(module, name))
    _name_optimised_errors(StateTaskServiceSfn)
    _name_lost_connections(base)


def _name_sdk_errors() -> None:
    original = StateTaskServiceAwsSdk._from_error

    def from_error(task: Any, env: Any, ex: Exception) -> FailureEvent:
        if not isinstance(ex, ClientError | BotoCoreError):
            return original(task, env=env, ex=ex)
        service = sdk_service(service_model(_boto_service(task)).service_id)
        if isinstance(ex, BotoCoreError):
            return _failure(task, env, f"{service}.SdkClientException", str(ex))
        kind = type(ex).__name__
        name = service if kind == "ClientError" else kind.removesuffix("Exception")
        status, request_id = _http(ex)
        said = f"(Service: {service}, Status Code: {status}, Request ID: {request_id})"
        message = ex.response["Error"].get("Message", "")
        return _failure(task, env, f"{service}.{name}Exception", f"{message} {said}".strip())

    StateTaskServiceAwsSdk._from_error = from_error


def _name_optimised_errors(task_class: Any) -> None:
    original = task_class._from_error

    def from_error(task: Any, env: Any, ex: Exception) -> FailureEvent:
        if isinstance(ex, ClientError | BotoCoreError):
            return optimised_failure(task, env, ex)
        return original(task, env=env, ex=ex)

    task_class._from_error = from_error


def _name_lost_connections(base: Any) -> None:
    def from_error(task: Any, env: Any, ex: Exception) -> FailureEvent:
        if isinstance(ex, ClientError | BotoCoreError):
            return optimised_failure(task, env, ex)
        return base(task, env=env, ex=ex)

    StateTaskService._from_error = from_error


def optimised_failure(task: Any, env: Any, ex: Exception) -> FailureEvent:
    """An API's error as the optimised integrations report it."""
    kind = task.resource.service_name
    prefix, service = NAMES.get(kind, (kind.capitalize(), f"AWS{kind.capitalize()}"))
    if not isinstance(ex, ClientError):
        return _failure(task, env, f"{prefix}.SdkClientException", str(ex))
    code = ex.response["Error"].get("Code", "Unknown")
    known = type(ex).__name__
    name = re.sub(r"v\d+$", "", service) if known == "ClientError" else known
    status, request_id = _http(ex)
    said = (
        f"(Service: {service}; Status Code: {status}; Error Code: {code}; "
        f"Request ID: {request_id}; Proxy: null)"
    )
    error = f"{prefix}.{name.removesuffix('Exception')}Exception"
    message = ex.response["Error"].get("Message", "")
    return _failure(task, env, error, f"{message} {said}".strip())


def _http(ex: ClientError) -> tuple[int, str]:
    told = ex.response.get("ResponseMetadata", {})
    return told.get("HTTPStatusCode", 400), told.get("RequestId") or str(uuid.uuid4())


def sdk_service(service_id: str) -> str:
    """The Java SDK's name of a service: `DynamoDB` → `DynamoDb`, `CloudWatch Logs` → …`Logs`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|\s+", " ", service_id)
    return "".join(word[:1].upper() + word[1:].lower() for word in words.split())


def wait_without_limit_for_heartbeats() -> None:
    """moto gives a task with HeartbeatSeconds and no TimeoutSeconds one minute."""
    original = ExecutionState.from_state_props

    def from_props(state: Any, state_props: Any) -> None:
        original(state, state_props=state_props)
        if getattr(state.timeout, "is_default", False):
            state.timeout = TimeoutSeconds(TimeoutSeconds.DEFAULT_TIMEOUT_SECONDS)

    ExecutionState.from_state_props = from_props


def run_jobs_of_sagemaker() -> None:
    """moto has no optimised integration of SageMaker, and no `.sync` for its jobs."""
    original = state_task_service_factory.state_task_service_for

    def task_for(service_name: str) -> StateTaskService:
        return jobs.SageMakerTask() if service_name == "sagemaker" else original(service_name)

    replace_everywhere("state_task_service_for", original, task_for)


def stop_what_a_stopped_task_waits_for() -> None:
    """moto polls a nested execution without noticing its own end, and lets it run on."""
    jobs.wait_for_nested_executions()


REPAIRS = (
    find_boto_services,
    translate_requests_and_answers,
    end_with_the_execution,
    name_errors_as_aws_does,
    wait_without_limit_for_heartbeats,
    run_jobs_of_sagemaker,
    stop_what_a_stopped_task_waits_for,
)
