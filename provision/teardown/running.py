"""What runs: executions of the state machines and of the pipeline, and jobs. It is stopped."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from provision.change import Change, Clients
from provision.teardown.jobs import Job, is_running, stop_job
from provision.teardown.ownership import unless_gone
from provision.waiting import until_gone

MACHINE_RUN, PIPELINE_RUN, JOB = "execution", "pipeline-execution", "job"
RUNNING = ("Executing", "Stopping")
CAUSE = "The environment is being destroyed."


def find_machine_runs(clients: Clients, machine_arn: str) -> Iterator[Change]:
    """The executions of a state machine that run."""
    for arn in _machine_runs(clients, machine_arn):
        yield Change("stop", MACHINE_RUN, ":".join(arn.split(":")[-2:]), "it runs", arn)


def find_pipeline_runs(clients: Clients, pipeline: str) -> Iterator[Change]:
    """The executions of the pipeline that run."""
    for arn, status in list_executions(clients, pipeline):
        if status in RUNNING:
            name = f"{pipeline}/{arn.rpartition('/')[2]}"
            yield Change("stop", PIPELINE_RUN, name, "it runs, with its jobs", arn)


def find_running_jobs(clients: Clients, jobs: list[Job]) -> Iterator[Change]:
    """Those of `jobs` that run: an execution that ended in another way may have left them."""
    for job in jobs:
        if is_running(clients, job):
            yield Change("stop", JOB, job.name, "it runs", job)


def stop_machine_run(clients: Clients, change: Change) -> None:
    """Stop an execution of a state machine and wait for its end."""
    _stop_machine_run(clients, change.desired)


def stop_machine_runs(clients: Clients, machine_arn: str) -> None:
    """The same for all that run: one may have begun after the plan was made."""
    for arn in _machine_runs(clients, machine_arn):
        _stop_machine_run(clients, arn)


def stop_pipeline_run(clients: Clients, change: Change) -> None:
    """Stop an execution of the pipeline, which stops its jobs, and wait for its end."""
    _stop_pipeline_run(clients, change.desired)


def stop_pipeline_runs(clients: Clients, pipeline: str) -> None:
    """The same for all that run: one may have begun after the plan was made."""
    for arn, status in list_executions(clients, pipeline):
        if status in RUNNING:
            _stop_pipeline_run(clients, arn)


def stop_running_job(clients: Clients, change: Change) -> None:
    """Stop a job and wait for its end."""
    job: Job = change.desired
    try:
        stop_job(clients, job)
    except ClientError:
        if is_running(clients, job):  # otherwise it has just ended by itself
            raise
    until_gone(clients, lambda: not is_running(clients, job), f"The job {job.name}")


def list_executions(clients: Clients, pipeline: str) -> list[tuple[str, str]]:
    """ARN and status of all executions of the pipeline; none of one that is not there."""
    pages = (
        clients("sagemaker")
        .get_paginator("list_pipeline_executions")
        .paginate(PipelineName=pipeline)
    )
    found = unless_gone(lambda: [item for page in pages for item in _summaries(page)])
    return found or []


def _summaries(page: dict[str, list[dict[str, str]]]) -> list[tuple[str, str]]:
    return [
        (item["PipelineExecutionArn"], item["PipelineExecutionStatus"])
        for item in page["PipelineExecutionSummaries"]
    ]


def _machine_runs(clients: Clients, machine_arn: str) -> list[str]:
    pages = (
        clients("stepfunctions")
        .get_paginator("list_executions")
        .paginate(stateMachineArn=machine_arn, statusFilter="RUNNING")
    )
    found = unless_gone(lambda: [item for page in pages for item in page["executions"]])
    return [str(item["executionArn"]) for item in found or []]


def _stop_machine_run(clients: Clients, arn: str) -> None:
    states = clients("stepfunctions")
    states.stop_execution(executionArn=arn, error="Destroyed", cause=CAUSE)

    def has_ended() -> bool:
        found = unless_gone(lambda: states.describe_execution(executionArn=arn))
        return found is None or found["status"] != "RUNNING"

    until_gone(clients, has_ended, f"The execution {arn}")


def _stop_pipeline_run(clients: Clients, arn: str) -> None:
    sagemaker = clients("sagemaker")

    def status() -> str | None:
        found = unless_gone(lambda: sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn))
        return None if found is None else str(found["PipelineExecutionStatus"])

    if status() == "Executing":
        try:
            sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
        except ClientError:
            if status() == "Executing":  # otherwise it has just ended by itself
                raise
    until_gone(clients, lambda: status() not in RUNNING, f"The execution {arn}")
