"""What runs or ran, by its name or ARN: executions of the pipeline and state machines, and jobs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from commands.jobs import KINDS, UNKNOWN, JobKind, kinds_of
from commands.session import Session
from errors import BreedlineError
from statemachine.definition import ALL_KINDS as MACHINES
from statemachine.names import Names


@dataclass(frozen=True)
class Target:
    """Something that runs or ran: in words, by ARN, and the kind if it is a job."""

    words: str
    arn: str
    job: JobKind | None = None

    @property
    def is_of_state_machine(self) -> bool:
        return ":states:" in self.arn


def find_target(session: Session, name: str) -> Target:
    """What a name or an ARN means; raises BreedlineError when that is nothing, or several."""
    if name.startswith("arn:"):
        return _of_arn(name)
    found = [*_jobs(session, name), *_executions(session, name), *_deployments(session, name)]
    if not found:
        raise BreedlineError(
            f"Nothing in the environment '{session.settings.environment}' is named '{name}', no "
            "execution and no job; `python definitions.py status` lists executions, and `watch` "
            "follows the newest."
        )
    if len(found) > 1:
        several = ", ".join(f"{target.words} {target.arn}" for target in found)
        raise BreedlineError(f"'{name}' means more than one thing; give the ARN: {several}.")
    return found[0]


def _of_arn(arn: str) -> Target:
    parts = arn.split(":", 5)
    service, resource = (parts[2], parts[5]) if len(parts) == 6 else ("", "")
    if service == "states" and resource.startswith("execution:"):
        return Target("execution of a state machine", arn)
    if service == "sagemaker" and "/execution/" in resource:
        return Target("execution of the pipeline", arn)
    for kind in KINDS:
        if service == "sagemaker" and resource.startswith(f"{kind.resource}/"):
            return Target(kind.words, arn, kind)
    kinds = ", ".join(kind.words for kind in KINDS)
    raise BreedlineError(
        f"{arn} is nothing that runs; give the ARN or name of an execution of a pipeline or a "
        f"state machine, or of a {kinds}."
    )


def _jobs(session: Session, name: str) -> Iterator[Target]:
    sagemaker = session.client("sagemaker")
    for kind in kinds_of(sagemaker, name):
        yield Target(kind.words, kind.describe(sagemaker, name)[f"{kind.name}Arn"], kind)


def _executions(session: Session, name: str) -> Iterator[Target]:
    """Executions of the environment's pipeline, by the end of their ARN or the name shown."""
    sagemaker = session.client("sagemaker")
    pages = sagemaker.get_paginator("list_pipeline_executions")
    try:
        for page in pages.paginate(PipelineName=session.settings.pipeline.name):
            for summary in page["PipelineExecutionSummaries"]:
                arn = summary["PipelineExecutionArn"]
                shown = summary.get("PipelineExecutionDisplayName")
                if name in (arn.rpartition("/")[2], shown):
                    yield Target("execution of the pipeline", arn)
    except sagemaker.exceptions.ResourceNotFound:
        return


def _deployments(session: Session, name: str) -> Iterator[Target]:
    """Executions of the environment's state machines."""
    client = session.client("stepfunctions")
    absent = (client.exceptions.ExecutionDoesNotExist, client.exceptions.StateMachineDoesNotExist)
    for kind in MACHINES:
        machine = Names(session.settings).state_machine_arn(kind)
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
        try:
            client.describe_execution(executionArn=arn)
        except (*absent, client.exceptions.InvalidArn):
            continue
        yield Target(f"execution of the state machine '{kind}'", arn)


def confirm(session: Session, target: Target) -> None:
    """Raise BreedlineError where nothing is behind an ARN that somebody gave."""
    from botocore.exceptions import ClientError

    sagemaker = session.client("sagemaker")
    try:
        if target.job:
            target.job.describe(sagemaker, target.arn.rpartition("/")[2])
        elif target.is_of_state_machine:
            session.client("stepfunctions").describe_execution(executionArn=target.arn)
        else:
            sagemaker.describe_pipeline_execution(PipelineExecutionArn=target.arn)
    except ClientError as error:
        if error.response["Error"]["Code"] not in (*UNKNOWN, "ExecutionDoesNotExist"):
            raise
        raise BreedlineError(f"There is no {target.words} {target.arn}.") from error
