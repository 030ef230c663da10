"""`predict`: classify images through the Lambda function in front of the endpoint."""

from __future__ import annotations

import argparse
import base64
import json
from pathlib import Path
from typing import Any

from commands.output import emit, table
from commands.session import Session
from errors import BreedlineError
from statemachine.names import ALIAS, Names

LARGEST_IMAGE = 4_400_000  # bytes; Lambda takes 6 MiB, and base64 adds a third


def predict(session: Session, arguments: argparse.Namespace) -> int:
    """Ask about each image; exit 1 if one was refused."""
    contents = [read_image(path) for path in arguments.images]  # before the first is sent
    answers = [
        {"image": str(path), **ask(session, content)}
        for path, content in zip(arguments.images, contents, strict=True)
    ]
    emit({"predictions": answers}, table(list(map(_row, answers))), session.as_json)
    return 0 if all("label" in answer for answer in answers) else 1


def read_image(path: Path) -> bytes:
    """The file's bytes; raises BreedlineError for one that cannot be read or sent."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BreedlineError(f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST_IMAGE:
        raise BreedlineError(
            f"{path} has {len(content) / 1e6:.1f} MB, more than the {LARGEST_IMAGE / 1e6:.1f} MB "
            "that a request to Lambda can carry; save it smaller."
        )
    return content


def ask(session: Session, content: bytes) -> dict[str, Any]:
    """The function's answer for one encoded image: {label, …} or {status, error}.

    Raises BreedlineError when there is no function to ask, or it breaks.
    """
    names, client = Names(session.settings), session.client("lambda")
    if session.settings.endpoint.kind == "asynchronous":
        raise BreedlineError(
            f"The endpoint '{names.endpoint}' is asynchronous and answers into the bucket; "
            "ask it with InvokeEndpointAsync."
        )
    event = {"image": base64.b64encode(content).decode(), "endpoint_name": names.endpoint}
    try:
        answer = client.invoke(
            FunctionName=names.predict, Qualifier=ALIAS, Payload=json.dumps(event)
        )
    except client.exceptions.ResourceNotFoundException as error:
        raise BreedlineError(_what_is_missing(session)) from error
    payload = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        reason = payload.get("errorMessage", "no reason was given")
        raise BreedlineError(f"The function '{names.predict}' failed: {reason}")
    body: dict[str, Any] = json.loads(payload["body"])
    if payload["statusCode"] == 200:
        return body
    return {"status": payload["statusCode"], "error": body["error"]["message"]}


def _what_is_missing(session: Session) -> str:
    """The function itself, which upsert makes, or the alias that the first deployment makes."""
    client, name = session.client("lambda"), Names(session.settings).predict
    try:
        client.get_function_configuration(FunctionName=name)
    except client.exceptions.ResourceNotFoundException:
        return (
            f"The function '{name}' is not deployed in the environment "
            f"'{session.settings.environment}'; run `python definitions.py upsert` first."
        )
    return (
        f"No version is live behind the function '{name}' yet; "
        "`python definitions.py approve` deploys one."
    )


def describe_answer(answer: dict[str, Any]) -> str:
    """An answer in a few words."""
    if "label" in answer:
        return f"{answer['label']} ({answer['probability']:.4f})"
    return f"refused with {answer['status']}: {answer['error']}"


def _row(answer: dict[str, Any]) -> list[str]:
    version = f"version {answer.get('model_version') or 'unknown'}" if "label" in answer else ""
    return [answer["image"], describe_answer(answer), version]
