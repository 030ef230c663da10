"""The endpoint as the commands show it, and requests to it: `predict`, `rollback`."""

from __future__ import annotations

import argparse
import base64
import json
from pathlib import Path
from typing import Any

from commands.deployments import describe_deployment
from commands.following import follow_deployment
from commands.output import emit, table
from commands.session import Session
from errors import BreedlineError
from statemachine.names import ALIAS, Names

LARGEST_IMAGE = 4_400_000  # bytes; Lambda takes 6 MiB, and base64 adds a third


def predict(session: Session, arguments: argparse.Namespace) -> int:
    """Classify images through the function in front of the endpoint; exit 1 if one failed."""
    answers = [ask(session, path) for path in arguments.images]
    rows = [
        [a["image"], a["label"], f"{a['probability']:.4f}", f"version {a['model_version']}"]
        if "label" in a
        else [a["image"], "refused", str(a["status"]), a["error"]]
        for a in answers
    ]
    emit({"predictions": answers}, table(rows), session.as_json)
    return 0 if all("label" in answer for answer in answers) else 1


def ask(session: Session, path: Path) -> dict[str, Any]:
    """The answer for one image: {image, label, probability, …} or {image, status, error}.

    Raises BreedlineError for a file that cannot be read or is too large to send.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BreedlineError(f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST_IMAGE:
        size = f"{len(content) / 1e6:.1f} MB"
        raise BreedlineError(
            f"{path} has {size}, more than {LARGEST_IMAGE / 1e6:.1f} MB; save it smaller."
        )
    return {"image": path.name, **ask_for(session, content)}


def ask_for(session: Session, content: bytes) -> dict[str, Any]:
    """The function's answer for one encoded image: {label, …} or {status, error}."""
    names = Names(session.settings)
    client = session.client("lambda")
    event = {"image": base64.b64encode(content).decode(), "endpoint_name": names.endpoint}
    try:
        answer = client.invoke(
            FunctionName=names.predict, Qualifier=ALIAS, Payload=json.dumps(event)
        )
    except client.exceptions.ResourceNotFoundException as error:
        raise BreedlineError(
            f"Nothing is deployed behind the function '{names.predict}' yet; "
            "`python definitions.py approve` deploys a version."
        ) from error
    payload = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise BreedlineError(f"The function '{names.predict}' failed: {payload['errorMessage']}")
    body: dict[str, Any] = json.loads(payload["body"])
    if payload["statusCode"] == 200:
        return body
    return {"status": payload["statusCode"], "error": body["error"]["message"]}


def rollback(session: Session, arguments: argparse.Namespace) -> int:
    """Go back to an earlier version (the one before the live one by default), and follow it."""
    names, stepfunctions = Names(session.settings), session.client("stepfunctions")
    request = {"to_version": arguments.to, "reason": arguments.reason}
    try:
        started = stepfunctions.start_execution(
            stateMachineArn=names.state_machine_arn("rollback"), input=json.dumps(request)
        )
    except stepfunctions.exceptions.StateMachineDoesNotExist as error:
        raise BreedlineError(
            f"The state machine '{names.state_machine('rollback')}' is not deployed; "
            "run `python definitions.py upsert` first."
        ) from error
    deployment = follow_deployment(session, started["executionArn"])
    emit(deployment, describe_deployment(deployment), session.as_json)
    return 0 if deployment["status"] == "SUCCEEDED" else 1


def read_endpoint(session: Session) -> dict[str, Any] | None:
    """The endpoint {name, status, model_version, instances, …}; None when there is none."""
    sagemaker, name = session.client("sagemaker"), Names(session.settings).endpoint
    try:
        described = sagemaker.describe_endpoint(EndpointName=name)
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" in str(error):
            return None
        raise
    variants = described.get("ProductionVariants") or [{}]
    return {
        "name": name,
        "status": described["EndpointStatus"],
        "model_version": _version(sagemaker, described["EndpointConfigName"]),
        "endpoint_config": described["EndpointConfigName"],
        "instances": variants[0].get("CurrentInstanceCount"),
        "desired_instances": variants[0].get("DesiredInstanceCount"),
        "since": described["LastModifiedTime"],
        "failure_reason": described.get("FailureReason"),
    }


def describe_endpoint(endpoint: dict[str, Any] | None) -> str:
    """One line on what is live, and since when."""
    if endpoint is None:
        return "No endpoint yet."
    counts = f"{endpoint['instances']} of {endpoint['desired_instances']} instances"
    since = str(endpoint["since"])[:19]
    line = f"Endpoint {endpoint['name']} is {endpoint['status']}: version "
    line += f"{endpoint['model_version']} since {since}, {counts}"
    return f"{line}\n  {endpoint['failure_reason']}" if endpoint["failure_reason"] else line


def read_alarms(session: Session) -> list[dict[str, str]]:
    """The endpoint's own alarms: {name, state, reason}."""
    answer = session.client("cloudwatch").describe_alarms(
        AlarmNamePrefix=f"{Names(session.settings).endpoint}-"
    )
    return [
        {
            "name": alarm["AlarmName"],
            "state": alarm["StateValue"],
            "reason": alarm.get("StateReason", ""),
        }
        for alarm in answer["MetricAlarms"]
    ]


def _version(sagemaker: Any, endpoint_config: str) -> int | None:
    """The model package version that a configuration serves; None for one that is not ours."""
    described = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint_config)
    model = sagemaker.describe_model(ModelName=described["ProductionVariants"][0]["ModelName"])
    container = model.get("PrimaryContainer") or model["Containers"][0]
    version = container.get("ModelPackageName", "").rpartition("/")[2]
    return int(version) if version.isdecimal() else None
