"""The kinds of target: how each is called, and what its entry in PutTargets needs.

Step Functions, Lambda, SNS, SQS, SageMaker pipelines, CloudWatch Logs; other buses and archives
are handled by the bus itself.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.events.delivery import Delivery, DeliveryError, no_permission
from local.events.paths import MISSING, find
from local.events.payload import payload
from local.events.permissions import allows
from local.events.services import Services
from local.iam.caller import EVENTS, SCHEDULER, Caller, caller

SESSION = "events"  # of a role in whose name a target is called
OWN_NAMESPACE = uuid.UUID("6f2c1d58-6d0e-4c4e-8f55-6f0f3f1d0b6a")


@dataclass(frozen=True)
class Arn:
    """The parts of an ARN: `arn:aws:<service>:<region>:<account>:<resource>`."""

    text: str
    service: str
    region: str
    account: str
    resource: str

    @property
    def name(self) -> str:
        return self.resource.rpartition("/")[2].rpartition(":")[2]


def parse_arn(text: str) -> Arn:
    """Raises ValueError for what is no ARN."""
    prefix, _, service, region, account, resource = text.split(":", 5)
    if prefix != "arn":
        raise ValueError(f"'{text}' is not an ARN.")
    return Arn(text, service, region, account, resource)


def call_target(services: Services, delivery: Delivery) -> None:
    """Deliver once; raises whatever the target's service raises."""
    arn = parse_arn(delivery.target["Arn"])
    TARGETS[kind(arn)].send(services, delivery, arn)


def kind(arn: Arn) -> str:
    """The row of TARGETS that an ARN belongs to; empty for one that is not delivered to."""
    for name, target in TARGETS.items():
        if arn.service == target.service and arn.resource.startswith(target.resource):
            return name
    return ""


def _state_machine(services: Services, delivery: Delivery, arn: Arn) -> None:
    services.client("stepfunctions", arn.region, someone(delivery)).start_execution(
        stateMachineArn=arn.text,
        name=f"{delivery.event['id']}_{_token(delivery)}",
        input=payload(delivery.target, delivery.matched),
    )


def _function(services: Services, delivery: Delivery, arn: Arn) -> None:
    client = services.client("lambda", arn.region)
    invoker = services.client("lambda", arn.region, someone(delivery))
    if not delivery.by_schedule:
        _demand(_function_policy(client, arn), "lambda:InvokeFunction", delivery, arn)
    text = payload(delivery.target, delivery.matched)
    invoker.invoke(FunctionName=arn.text, InvocationType="Event", Payload=text.encode())


def _function_policy(client: Any, arn: Arn) -> str:
    parts = arn.resource.split(":")  # function:name[:alias]
    try:
        return str(client.get_policy(FunctionName=parts[1])["Policy"])
    except client.exceptions.ResourceNotFoundException:
        client.get_function_configuration(FunctionName=parts[1])  # raises when that is missing
        return ""


def _topic(services: Services, delivery: Delivery, arn: Arn) -> None:
    client = services.client("sns", arn.region)
    if not delivery.by_schedule:
        policy = client.get_topic_attributes(TopicArn=arn.text)["Attributes"].get("Policy", "")
        _demand(policy, "sns:Publish", delivery, arn)
    publisher = services.client("sns", arn.region, someone(delivery))
    publisher.publish(TopicArn=arn.text, Message=payload(delivery.target, delivery.matched))


def _queue(services: Services, delivery: Delivery, arn: Arn) -> None:
    message: dict[str, Any] = {"MessageBody": payload(delivery.target, delivery.matched)}
    parameters = delivery.target.get("SqsParameters") or {}
    if "MessageGroupId" in parameters:
        message["MessageGroupId"] = parameters["MessageGroupId"]
    send_to_queue(services, delivery, arn, message, someone(delivery))


def send_to_queue(
    services: Services,
    delivery: Delivery,
    arn: Arn,
    message: Mapping[str, Any],
    someone: Caller | None = None,
) -> None:
    """Put one message into a queue that lets the rule do so, or the schedule's role."""
    client = services.client("sqs", arn.region)
    url = client.get_queue_url(QueueName=arn.name)["QueueUrl"]
    if not delivery.by_schedule:
        found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
        _demand(found.get("Attributes", {}).get("Policy", ""), "sqs:SendMessage", delivery, arn)
    services.client("sqs", arn.region, someone).send_message(QueueUrl=url, **message)


def _pipeline(services: Services, delivery: Delivery, arn: Arn) -> None:
    given = (delivery.target.get("SageMakerPipelineParameters") or {}).get("PipelineParameterList")
    parameters = [
        {"Name": item["Name"], "Value": _parameter(delivery, item["Value"])} for item in given or []
    ]
    services.client("sagemaker", arn.region, someone(delivery)).start_pipeline_execution(
        PipelineName=arn.text,
        PipelineParameters=parameters,
        ClientRequestToken=_token(delivery),
    )


def _parameter(delivery: Delivery, value: str) -> str:
    """The value, or what a path in it leads to in the original event."""
    if not value.startswith("$."):
        return value
    found = find(delivery.event, value)
    if found is MISSING:
        message = f"The event has nothing at {value}, which a pipeline parameter names."
        raise DeliveryError("INVALID_PARAMETER", message, final=True)
    return found if isinstance(found, str) else json.dumps(found)


def _log_group(services: Services, delivery: Delivery, arn: Arn) -> None:
    client = services.client("logs", arn.region)
    group, stream = arn.resource.split(":")[1], str(uuid.uuid4())
    client.create_log_stream(logGroupName=group, logStreamName=stream)
    event = {
        "timestamp": int(delivery.accepted * 1000),
        "message": payload(delivery.target, delivery.matched),
    }
    client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])


def someone(delivery: Delivery) -> Caller | None:
    """The role in whose name the target is called; None where the target's own policy decides."""
    service = SCHEDULER if delivery.by_schedule else EVENTS
    return caller(str(delivery.target.get("RoleArn") or ""), SESSION, service)


def _demand(policy: str, action: str, delivery: Delivery, arn: Arn) -> None:
    if not allows(policy, action, delivery.source_arn, arn.account):
        raise no_permission(
            f"The policy of {arn.text} does not allow events.amazonaws.com to do {action} for "
            f"{delivery.source_arn}."
        )


def _token(delivery: Delivery) -> str:
    """The same for each try of a delivery, so that a try whose answer was lost is not repeated."""
    return str(uuid.uuid5(OWN_NAMESPACE, delivery.id))


@dataclass(frozen=True)
class TargetKind:
    """A kind of target: the ARNs it has, how it is called, whether it needs a role."""

    service: str
    resource: str  # what the ARN's last part begins with
    send: Callable[[Services, Delivery, Arn], None]
    needs_role: bool = False


def _by_the_bus(services: Services, delivery: Delivery, arn: Arn) -> None:
    raise AssertionError(f"the bus delivers to {arn.text} itself")


TARGETS: Mapping[str, TargetKind] = {
    "state machine": TargetKind("states", "stateMachine:", _state_machine, needs_role=True),
    "function": TargetKind("lambda", "function:", _function),
    "topic": TargetKind("sns", "", _topic),
    "queue": TargetKind("sqs", "", _queue),
    "pipeline": TargetKind("sagemaker", "pipeline/", _pipeline, needs_role=True),
    "log group": TargetKind("logs", "log-group:", _log_group),
    "event bus": TargetKind("events", "event-bus/", _by_the_bus),
}
