"""Callback steps: their tokens, their messages, and the answers that end them."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Callable, Mapping
from typing import Any

from local.backend import Backend
from local.errors import not_found, validation_error
from local.pipelines.definition import Step
from local.pipelines.loading import load
from local.pipelines.records import STEP, Records
from local.store import Document

KIND = STEP
TOKEN_LENGTH = 10


def new_token() -> str:
    """A callback token: ten letters and digits."""
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(TOKEN_LENGTH))


def message(execution_arn: str, token: str, arguments: dict[str, Any], status: str) -> str:
    """The body of the SQS message; status is Executing at first, Stopping when a stop was asked."""
    body = {
        "token": token,
        "pipelineExecutionArn": execution_arn,
        "arguments": arguments,
        "status": status,
    }
    return json.dumps(body)


def output_types(step: Step) -> dict[str, str]:
    """The declared outputs of a Callback or Lambda step: type by name."""
    declared = step.body.get("OutputParameters") or []
    return {each["OutputName"]: each.get("OutputType", "String") for each in declared}


def as_outputs(values: Mapping[str, Any]) -> list[dict[str, str]]:
    """Outputs as step metadata lists them: names and strings."""
    return [{"Name": name, "Value": _text(value)} for name, value in values.items()]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def typed_outputs(step: Step, outputs: list[dict[str, str]]) -> dict[str, Any]:
    """Outputs by name in their declared types, as `OutputParameters['name']` reads them."""
    types = output_types(step)
    return {
        each["Name"]: READERS[types.get(each["Name"], "String")](each["Value"]) for each in outputs
    }


READERS: Mapping[str, Callable[[str], Any]] = {
    "String": str,
    "Integer": int,
    "Float": float,
    "Boolean": lambda text: text.lower() == "true",
}


def sqs_sender(backend: Backend) -> Callable[[str, str], None]:
    """A function that sends a message to a queue of moto's SQS, by its URL."""

    def send(url: str, body: str) -> None:
        from moto.sqs.models import sqs_backends

        queues = sqs_backends[backend.account][backend.region]
        name = url.rstrip("/").rpartition("/")[2]
        if name not in queues.queues:
            raise not_found(f"The SQS queue {url} does not exist.")
        queues.send_message(name, body)

    return send


class Callbacks:
    """SendPipelineExecutionStepSuccess and …Failure."""

    def __init__(self, backend: Backend, records: Records) -> None:
        self._store = backend.store
        self._records = records
        self.actions = {
            "SendPipelineExecutionStepSuccess": self._success,
            "SendPipelineExecutionStepFailure": self._failure,
        }

    def _success(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._waiting(request["CallbackToken"])
        given = {each["Name"]: each["Value"] for each in request.get("OutputParameters") or []}
        self._check_outputs(record, given)
        return self._answer(record, {"OutputParameters": given})

    def _failure(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._waiting(request["CallbackToken"])
        reason = request.get("FailureReason") or "The callback was answered with a failure."
        return self._answer(record, {"FailureReason": reason})

    def _waiting(self, token: str) -> Document:
        def waits(document: Document) -> bool:
            callback = document["Metadata"].get("Callback", {})
            return callback.get("CallbackToken") == token and "_Answer" not in document

        found = self._store.list(KIND, waits)
        running = [d for d in found if d["StepStatus"] in ("Executing", "Stopping")]
        if not running:
            raise not_found(f"No pipeline step waits for the callback token {token}.")
        return running[0]

    def _check_outputs(self, record: Document, given: Mapping[str, str]) -> None:
        definition = load(self._records.execution(record["_Execution"])["_Definition"])
        step = definition.steps[record["StepName"]]
        declared = output_types(step)
        names = ", ".join(declared) or "none"
        wrong = sorted(given.keys() ^ declared.keys())
        if wrong:
            raise validation_error(
                f"The output parameters of the step {step.name} must be exactly: {names}; "
                f"{wrong[0]} is {'unknown' if wrong[0] in given else 'missing'}."
            )
        for name, value in given.items():
            try:
                READERS[declared[name]](value)
            except ValueError as error:
                raise validation_error(
                    f"The output parameter {name} must be of type {declared[name]}, "
                    f"which '{value}' is not."
                ) from error

    def _answer(self, record: Document, answer: dict[str, Any]) -> dict[str, Any]:
        arn = record["_Execution"]
        self._records.change_step(arn, record["StepName"], _Answer=answer)
        return {"PipelineExecutionArn": arn}
