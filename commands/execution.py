"""`start`, `watch`, `stop`, `retry`, `status`: executions of the pipeline."""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from typing import Any

from commands.deployments import describe_deployment
from commands.endpoint import describe_endpoint, read_alarms, read_endpoint
from commands.executions import describe
from commands.following import follow_deployment, list_deployments
from commands.output import emit, say, table
from commands.progress import Progress
from commands.registry import list_packages
from commands.session import Session
from errors import BreedlineError
from pipeline.parameters import start_parameters

LAST_EXECUTIONS = 5


def start(session: Session, arguments: argparse.Namespace) -> int:
    """Start an execution; with --wait, follow it and fail when it fails."""
    arn = start_execution(session, parse_parameters(arguments.param))
    if arguments.wait:
        return _follow_and_print(session, arn)
    emit({"arn": arn}, arn, session.as_json)
    return 0


def watch(session: Session, arguments: argparse.Namespace) -> int:
    """Follow an execution of the pipeline or a state machine (the newest by default)."""
    arn = arguments.arn or _newest_of_all(session)
    if ":states:" not in arn:
        return _follow_and_print(session, arn)
    deployment = follow_deployment(session, arn)
    emit(deployment, describe_deployment(deployment), session.as_json)
    return 0 if deployment["status"] == "SUCCEEDED" else 1


def stop(session: Session, arguments: argparse.Namespace) -> int:
    """Stop an execution (the newest by default) and its jobs."""
    arn = arguments.arn or newest_execution(session)
    session.client("sagemaker").stop_pipeline_execution(
        PipelineExecutionArn=arn, ClientRequestToken=_token()
    )
    emit({"arn": arn}, f"Stopping {arn}.", session.as_json)
    return 0


def retry(session: Session, arguments: argparse.Namespace) -> int:
    """Run the failed steps of an execution (the newest by default) again, and follow it."""
    arn = arguments.arn or newest_execution(session)
    session.client("sagemaker").retry_pipeline_execution(
        PipelineExecutionArn=arn, ClientRequestToken=_token()
    )
    return _follow_and_print(session, arn)


def status(session: Session, arguments: argparse.Namespace) -> int:
    """What is live, the last executions and deployments, the newest model packages, the alarms."""
    settings = session.settings
    result = {
        "environment": settings.environment,
        "pipeline": settings.pipeline.name,
        "executions": list_executions(session, LAST_EXECUTIONS),
        "model_packages": list_packages(session)[:LAST_EXECUTIONS],
        "endpoint": read_endpoint(session),
        "deployments": list_deployments(session, LAST_EXECUTIONS),
        "alarms": read_alarms(session),
    }
    emit(result, _describe_status(result), session.as_json)
    return 0


def _describe_status(result: dict[str, Any]) -> str:
    runs = [[e["status"], str(e["started"])[:19], e["arn"]] for e in result["executions"]]
    packages = result["model_packages"]
    models = [[f"version {p['version']}", p["approval"], p["arn"]] for p in packages]
    machines = [[d["status"], str(d["started"])[:19], d["arn"]] for d in result["deployments"]]
    alarms = [[alarm["name"], alarm["state"]] for alarm in result["alarms"]]
    parts = [
        f"Environment {result['environment']}, pipeline {result['pipeline']}",
        describe_endpoint(result["endpoint"]),
        table(runs) or "No execution yet; `python definitions.py start` begins one.",
        table(models) or "No model package yet.",
        table(machines),
        table(alarms),
    ]
    return "\n\n".join(part for part in parts if part)


def parse_parameters(pairs: list[str]) -> dict[str, str]:
    """`["Name=value", …]` as a dict; raises BreedlineError for what has no '='."""
    parameters = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise BreedlineError(f"--param '{pair}' has no value; write it as NAME=VALUE.")
        parameters[name.strip()] = value
    return parameters


def start_execution(session: Session, parameters: dict[str, str]) -> str:
    """Start an execution with pipeline parameters; returns its ARN.

    Raises BreedlineError for parameters that the deployed definition does not allow.
    """
    sagemaker = session.client("sagemaker")
    name = session.settings.pipeline.name
    try:
        deployed = sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"]
        answer = sagemaker.start_pipeline_execution(
            PipelineName=name,
            ClientRequestToken=_token(),
            PipelineParameters=start_parameters(json.loads(deployed), parameters),
        )
    except sagemaker.exceptions.ResourceNotFound as error:
        raise BreedlineError(
            f"The pipeline '{name}' is not deployed in the environment "
            f"'{session.settings.environment}'; run `python definitions.py upsert` first."
        ) from error
    return str(answer["PipelineExecutionArn"])


def follow(session: Session, arn: str) -> dict[str, Any]:
    """Follow an execution on stderr until it ends; returns its final state."""
    progress = Progress(session.client("sagemaker"), session.client("logs"), arn, say)
    try:
        return progress.follow(session.poll_seconds)
    except KeyboardInterrupt:
        say(f"\nThe execution goes on; re-attach with: python definitions.py watch {arn}")
        sys.exit(130)


def list_executions(session: Session, most: int) -> list[dict[str, Any]]:
    """The newest executions: arn, status, started; empty when there is no pipeline."""
    sagemaker = session.client("sagemaker")
    try:
        answer = sagemaker.list_pipeline_executions(
            PipelineName=session.settings.pipeline.name, MaxResults=most
        )
    except sagemaker.exceptions.ResourceNotFound:
        return []
    return [
        {
            "arn": summary["PipelineExecutionArn"],
            "status": summary["PipelineExecutionStatus"],
            "started": summary["StartTime"],
        }
        for summary in answer["PipelineExecutionSummaries"]
    ]


def newest_execution(session: Session) -> str:
    """ARN of the newest execution; raises BreedlineError when there is none."""
    executions = list_executions(session, 1)
    if not executions:
        raise BreedlineError(
            f"The pipeline '{session.settings.pipeline.name}' has no execution yet; "
            "`python definitions.py start` begins one."
        )
    return str(executions[0]["arn"])


def _newest_of_all(session: Session) -> str:
    """ARN of the newest execution of the pipeline or of a state machine."""
    found = list_executions(session, 1) + list_deployments(session, 1)
    if not found:
        return newest_execution(session)  # whose error says how to begin one
    return str(max(found, key=lambda execution: execution["started"])["arn"])


def _follow_and_print(session: Session, arn: str) -> int:
    execution = follow(session, arn)
    emit(execution, describe(execution), session.as_json)
    return 0 if execution["status"] == "Succeeded" else 1


def _token() -> str:
    """SageMaker wants 32 to 128 characters; a fresh one makes every call its own request."""
    return uuid.uuid4().hex
