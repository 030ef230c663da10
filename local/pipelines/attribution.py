"""A pipeline's calls in the name of its role."""

from __future__ import annotations

from typing import Any

from local.iam.caller import Caller
from local.iam.calls import Calls
from local.pipelines.execution import Ports


def in_the_name_of(someone: Caller | None, calls: Calls, ports: Ports) -> Ports:
    """The same ways out, noted as calls of the role, which may be refused: ApiError."""

    def call(action: str, request: dict[str, Any]) -> dict[str, Any]:
        calls.note(someone, "sagemaker", action, request)
        return ports.call(action, request)

    def invoke(arn: str, payload: dict[str, Any]) -> Any:
        calls.note(someone, "lambda", "Invoke", {"FunctionName": arn})
        return ports.invoke(arn, payload)

    def send_message(url: str, body: str) -> None:
        calls.note(someone, "sqs", "SendMessage", {"QueueUrl": url})
        ports.send_message(url, body)

    return Ports(call, invoke, send_message, someone)
