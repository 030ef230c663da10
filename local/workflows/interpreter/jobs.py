"""Tasks that wait for what they started: SageMaker's jobs, and nested executions."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import (
    ResourceCondition,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (  # noqa: E501
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (  # noqa: E501
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.utils import boto_client

from local.workflows.interpreter.clients import operation_of
from local.workflows.interpreter.size import to_json
from local.workflows.interpreter.values import OPTIMISED

logger = logging.getLogger(__name__)
SHORTEST, LONGEST = 0.2, 2.0  # seconds between two looks at a job
RUNNING = {"InProgress", "Stopping", "Pending", "Initializing"}


@dataclass(frozen=True)
class Job:
    """How one kind of SageMaker's jobs is followed."""

    name: str  # `TrainingJob`

    @property
    def name_field(self) -> str:
        return f"{self.name}Name"

    @property
    def status_field(self) -> str:
        return f"{self.name}Status"


# The actions of the optimised integration; those with a Job can be waited for.
ACTIONS: dict[str, Job | None] = {
    "createTrainingJob": Job("TrainingJob"),
    "createProcessingJob": Job("ProcessingJob"),
    "createTransformJob": Job("TransformJob"),
    "createHyperParameterTuningJob": Job("HyperParameterTuningJob"),
    "createLabelingJob": Job("LabelingJob"),
    "createModel": None,
    "createEndpointConfig": None,
    "createEndpoint": None,
    "updateEndpoint": None,
}


class SageMakerTask(StateTaskServiceCallback):  # type: ignore[misc]
    """`arn:aws:states:::sagemaker:…`, with and without `.sync`."""

    def __init__(self) -> None:
        super().__init__(supported_integration_patterns={ResourceCondition.Sync})

    def _get_supported_parameters(self) -> set[str] | None:
        if self.resource.api_action not in ACTIONS:
            return None
        operation = operation_of("sagemaker", self.resource.api_action)
        return set(operation.input_shape.members) if operation else None

    def _eval_service_task(
        self,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: dict[str, Any],
        state_credentials: Any,
    ) -> None:
        client = boto_client.boto_client_for(
            resource_runtime_part.region, "sagemaker", state_credentials
        )
        method = getattr(client, self._get_boto_service_action())
        env.stack.append(_answer(method(**normalised_parameters)))

    def _eval_integration_pattern(
        self,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: dict[str, Any],
        state_credentials: Any,
    ) -> None:
        job = ACTIONS[self.resource.api_action]
        if job is None:
            raise RuntimeError(f"{self.resource.api_action} cannot be waited for with .sync")
        env.stack.pop()
        client = boto_client.boto_client_for(
            resource_runtime_part.region, "sagemaker", state_credentials
        )
        followed = _Followed(client, job, normalised_parameters[job.name_field])
        described = wait_for(env, followed.poll, followed.stop)
        if described is None:
            env.stack.append({})  # stopped: nobody looks at it
        elif described[job.status_field] == "Completed":
            env.stack.append(described)
        else:
            raise FailureEventException(task_failed(self, env, to_json(described)))


class _Followed:
    """One job on its way."""

    def __init__(self, client: Any, job: Job, name: str) -> None:
        self._client, self._job = client, job
        self._name = {job.name_field: name}

    def poll(self) -> dict[str, Any] | None:
        """The job's description once it has ended."""
        described = _answer(self._call("describe"))
        if described[self._job.status_field] in RUNNING:
            return None
        return _translated(described, "sagemaker", f"describe{self._job.name}")

    def stop(self) -> None:
        self._call("stop")

    def _call(self, verb: str) -> Any:
        words = "hyper_parameter_tuning_job" if "Tuning" in self._job.name else None
        noun = words or self._job.name.removesuffix("Job").lower() + "_job"
        return getattr(self._client, f"{verb}_{noun}")(**self._name)


def wait_for(env: Any, poll: Callable[[], Any], stop: Callable[[], Any]) -> Any:
    """Poll until there is something; when the task ends first, stop what it waits for."""
    pause = SHORTEST
    while env.is_running():
        found = poll()
        if found is not None:
            return found
        env.program_state_event.wait(pause)
        pause = min(LONGEST, pause * 1.3)
    try:
        stop()
    except (BotoCoreError, ClientError) as error:
        logger.info("what a stopped task waits for could not be stopped: %s", error)
    return None


def task_failed(task: Any, env: Any, cause: str) -> FailureEvent:
    """The failure of what a task waited for; its description is the cause, as on AWS."""
    name = StatesErrorName(typ=StatesErrorNameType.StatesTaskFailed)
    return FailureEvent(
        env=env,
        error_name=name,
        event_type=HistoryEventType.TaskFailed,
        event_details=EventDetails(
            taskFailedEventDetails={
                "error": name.error_name,
                "cause": cause,
                "resource": task._get_sfn_resource(),
                "resourceType": task._get_sfn_resource_type(),
            }
        ),
    )


def wait_for_nested_executions() -> None:
    """Let `startExecution.sync` and `.sync:2` end with their task, with what they started."""
    StateTaskServiceSfn._eval_integration_pattern = _wait_for_execution(
        StateTaskServiceSfn._eval_integration_pattern
    )


def _wait_for_execution(original: Callable[..., None]) -> Callable[..., None]:
    def evaluate(
        task: Any,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: dict[str, Any],
        state_credentials: Any,
    ) -> None:
        if task.resource.condition == ResourceCondition.WaitForTaskToken:
            original(task, env, resource_runtime_part, normalised_parameters, state_credentials)
            return
        client = boto_client.boto_client_for(
            resource_runtime_part.region, "stepfunctions", state_credentials
        )
        arn = env.stack.pop()["ExecutionArn"]
        described = wait_for(
            env, lambda: _ended(client, arn), lambda: client.stop_execution(executionArn=arn)
        )
        if described is None:
            env.stack.append({})
            return
        if task.resource.condition == ResourceCondition.Sync2:
            for key in {"Input", "Output"} & described.keys():
                described[key] = json.loads(described[key])
        if described["Status"] != "SUCCEEDED":
            raise FailureEventException(task_failed(task, env, to_json(described)))
        env.stack.append(described)

    return evaluate


def _ended(client: Any, arn: str) -> dict[str, Any] | None:
    described = _answer(client.describe_execution(executionArn=arn))
    if described["status"] == "RUNNING":
        return None
    return _translated(described, "stepfunctions", "describeExecution")


def _translated(described: dict[str, Any], service: str, action: str) -> dict[str, Any]:
    operation = operation_of(service, action)
    shape = operation.output_shape if operation else None
    answer: dict[str, Any] = OPTIMISED.to_answer(described, shape) if shape else described
    return answer


def _answer(response: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in response.items() if key != "ResponseMetadata"}
