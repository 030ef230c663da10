"""`predict`: ask the Lambda function in front of the endpoint about files."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from commands.images import IMAGES
from commands.output import emit, table
from commands.session import Session
from commands.usage import Usage
from errors import BreedlineError
from statemachine.names import ALIAS, Names
from workloads import workload_of

LARGEST_IMAGE = 4_400_000  # bytes; Lambda takes 6 MiB, and base64 adds a third


def predict(session: Session, arguments: argparse.Namespace) -> int:
    """Ask about each file; exit 1 if one was refused."""
    usage, paths = workload_of(session.settings).usage, arguments.images
    # All are read before the first is sent.
    questions = [usage.question(str(path), read_image(path)) for path in paths]
    answers = [
        {usage.noun.removesuffix("s"): str(path), **ask(session, question)}
        for path, question in zip(paths, questions, strict=True)
    ]
    rows = [_row(usage, path, answer) for path, answer in zip(paths, answers, strict=True)]
    emit({"predictions": answers}, table(rows), session.as_json)
    return 0 if all(usage.answered in answer for answer in answers) else 1


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


def ask(session: Session, question: Mapping[str, Any]) -> dict[str, Any]:
    """The function's answer to a question without its endpoint; {status, error} for a refusal.

    Raises BreedlineError when there is no function to ask, or it breaks.
    """
    names, client = Names(session.settings), session.client("lambda")
    if session.settings.endpoint.kind == "asynchronous":
        raise BreedlineError(
            f"The endpoint '{names.endpoint}' is asynchronous and answers into the bucket; "
            "ask it with InvokeEndpointAsync."
        )
    event = {**question, "endpoint_name": names.endpoint}
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


def describe_answer(answer: dict[str, Any], usage: Usage = IMAGES) -> str:
    """An answer in a few words."""
    if usage.answered in answer:
        return usage.told(answer)
    return f"refused with {answer['status']}: {answer['error']}"


def _row(usage: Usage, path: Path, answer: dict[str, Any]) -> list[str]:
    version = f"version {answer.get('model_version') or 'unknown'}"
    told = describe_answer(answer, usage)
    return [str(path), told, version if usage.answered in answer else ""]
