"""`start`, `watch`, `stop`, `retry`: executions of the pipeline, and of the state machines."""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from typing import Any

from commands.deployments import describe_deployment
from commands.executions import describe, find_last_data
from commands.following import follow_deployment, list_deployments
from commands.output import emit, say
from commands.progress import Progress
from commands.selection import keep, select
from commands.session import Session
from commands.targets import find_target
from errors import BreedlineError
from pipeline.parameters import start_parameters
from statemachine.definition import ALL_KINDS


def start(session: Session, arguments: argparse.Namespace) -> int:
    """Start an execution; with --wait, follow it and fail when it fails."""
    parameters = parse_parameters(arguments.param)
    if arguments.select is not None:
        parameters |= _selected(session, arguments.select, parameters)
    if "InputDataUri" not in parameters and not session.settings.pipeline.data_uri:
        parameters |= _last_data(session)
    arn = start_execution(session, parameters)
    if arguments.wait:
        return _follow_and_print(session, arn)
    emit({"arn": arn}, arn, session.as_json)
    return 0


def _selected(session: Session, condition: str, parameters: dict[str, str]) -> dict[str, str]:
    """The images that a condition selects, as a parameter."""
    if "InputDataUri" in parameters:
        raise BreedlineError("--select and --param InputDataUri both name the data; give one.")
    return {"InputDataUri": keep(session, select(session, condition))}


def _last_data(session: Session) -> dict[str, str]:
    """The data of the last execution that succeeded, as a parameter; none where there is none."""
    uri = find_last_data(session.client("sagemaker"), session.settings.pipeline.name)
    if uri is None:
        return {}
    say(f"Data         {uri}, as in the last execution that succeeded")
    return {"InputDataUri": uri}


def watch(session: Session, arguments: argparse.Namespace) -> int:
    """Follow an execution of the pipeline or a state machine (the newest by default)."""
    arn = _execution(session, arguments.name) or _newest_of_all(session)
    if ":states:" not in arn:
        return _follow_and_print(session, arn)
    deployment = follow_deployment(session, arn)
    emit(deployment, describe_deployment(deployment), session.as_json)
    return 0 if deployment["status"] == "SUCCEEDED" else 1


def stop(session: Session, arguments: argparse.Namespace) -> int:
    """Stop an execution (the newest by default) and its jobs."""
    arn = _of_pipeline(session, arguments.name) or newest_execution(session)
    session.client("sagemaker").stop_pipeline_execution(
        PipelineExecutionArn=arn, ClientRequestToken=_token()
    )
    emit({"arn": arn}, f"Stopping {arn}.", session.as_json)
    return 0


def retry(session: Session, arguments: argparse.Namespace) -> int:
    """Run the failed steps of an execution (the newest by default) again, and follow it."""
    arn = _of_pipeline(session, arguments.name) or newest_execution(session)
    session.client("sagemaker").retry_pipeline_execution(
        PipelineExecutionArn=arn, ClientRequestToken=_token()
    )
    return _follow_and_print(session, arn)


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


def _execution(session: Session, name: str | None) -> str | None:
    """The ARN of the execution that a name or an ARN means; None where none is given."""
    if name is None:
        return None
    target = find_target(session, name)
    if target.job:
        raise BreedlineError(
            f"{name} is a {target.words}, no execution; `python definitions.py attach {name}` "
            "follows it."
        )
    return target.arn


def _of_pipeline(session: Session, name: str | None) -> str | None:
    """The same, unless it is a state machine's, which ends by itself in one state or another."""
    arn = _execution(session, name)
    if arn and ":states:" in arn:
        raise BreedlineError(
            f"{arn} is no execution of the pipeline; a deployment goes to its end and takes itself "
            "back when it fails. `approve` begins another, `rollback` leaves the version."
        )
    return arn


def _newest_of_all(session: Session) -> str:
    """ARN of the newest execution of the pipeline or of a state machine."""
    found = list_executions(session, 1) + list_deployments(session, 1, ALL_KINDS)
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
