"""`start`, `watch`, `stop`, `retry`, `status`: executions of the pipeline."""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from typing import Any

from commands.executions import describe
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
    """Follow an execution (the newest by default) until it ends."""
    return _follow_and_print(session, arguments.arn or newest_execution(session))


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
    """The pipeline, its last executions and the newest model packages."""
    settings = session.settings
    executions = list_executions(session, LAST_EXECUTIONS)
    packages = list_packages(session)[:LAST_EXECUTIONS]
    result = {
        "environment": settings.environment,
        "pipeline": settings.pipeline.name,
        "executions": executions,
        "model_packages": packages,
    }
    rows = [[e["status"], str(e["started"])[:19], e["arn"]] for e in executions]
    models = [[f"version {p['version']}", p["approval"], p["arn"]] for p in packages]
    text = [
        f"Environment {settings.environment}, pipeline {settings.pipeline.name}",
        table(rows) or "No execution yet; `python definitions.py start` begins one.",
        table(models) or "No model package yet.",
    ]
    emit(result, "\n\n".join(text), session.as_json)
    return 0


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


def _follow_and_print(session: Session, arn: str) -> int:
    execution = follow(session, arn)
    emit(execution, describe(execution), session.as_json)
    return 0 if execution["status"] == "Succeeded" else 1


def _token() -> str:
    """SageMaker wants 32 to 128 characters; a fresh one makes every call its own request."""
    return uuid.uuid4().hex
