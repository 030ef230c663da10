"""`attach`: follow any execution or job to its end, whoever started it and from where."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from commands.deployments import describe_deployment
from commands.execution import follow
from commands.executions import describe
from commands.following import follow_deployment
from commands.jobs import FINAL, KINDS, TUNING, JobKind, describe_job, kinds_of, read_job
from commands.output import emit, say
from commands.progress import LogTail, Progress
from commands.session import Session
from errors import BreedlineError
from statemachine.definition import ALL_KINDS as MACHINES
from statemachine.names import Names

EARLIER_LINES = 20  # of a log that was written before


@dataclass(frozen=True)
class Target:
    """Something that runs or ran: in words, by ARN, and the kind if it is a job."""

    words: str
    arn: str
    job: JobKind | None = None


def attach(session: Session, arguments: argparse.Namespace) -> int:
    """Show the state of what has this name or ARN and follow it; fail unless it succeeded."""
    target = find_target(session, arguments.name)
    say(f"Attached to the {target.words} {target.arn}")
    if target.job:
        job = follow_job(session, target.job, target.arn.rpartition("/")[2])
        emit(job, describe_job(job), session.as_json)
        return 0 if job["status"] == "Completed" else 1
    if ":states:" in target.arn:
        deployment = follow_deployment(session, target.arn)
        emit(deployment, describe_deployment(deployment), session.as_json)
        return 0 if deployment["status"] == "SUCCEEDED" else 1
    execution = follow(session, target.arn)
    emit(execution, describe(execution), session.as_json)
    return 0 if execution["status"] == "Succeeded" else 1


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


def follow_job(session: Session, kind: JobKind, name: str) -> dict[str, Any]:
    """Follow a job on stderr until it ends; returns its final state."""
    following = Following(session.client("sagemaker"), session.client("logs"), kind, name, say)
    try:
        return following.follow(session.poll_seconds)
    except KeyboardInterrupt:
        say(f"\nThe {kind.words} goes on; re-attach with: python definitions.py attach {name}")
        sys.exit(130)


class Following:
    """Follows one job and says what changed: its stages, its log, its trials."""

    def __init__(
        self, sagemaker: Any, logs: Any, kind: JobKind, name: str, say: Callable[[str], None]
    ) -> None:
        self._sagemaker = sagemaker
        self._kind, self._name, self._say = kind, name, say
        self._tail = LogTail(logs, kind.log_group, name)
        self._progress = Progress(sagemaker, logs, "", say)  # knows how trials are told
        self._status, self._stages = "", 0

    def follow(
        self, interval: float, sleep: Callable[[float], None] = time.sleep
    ) -> dict[str, Any]:
        """Until the job ends; `interval` is in seconds. Returns its final state."""
        job = read_job(self._sagemaker, self._kind, self._name)
        self._report(job)
        self._report_log(EARLIER_LINES)
        while job["status"] not in FINAL:
            sleep(interval)
            # Read before the log, told after it: the log's end comes before the job's.
            job = read_job(self._sagemaker, self._kind, self._name)
            self._report_log()
            self._report(job)
        return job

    def _report(self, job: dict[str, Any]) -> None:
        for stage in job["stages"][self._stages :]:
            self._say(f"{stage['status']:<12} {stage['message']}".rstrip())
        self._stages = len(job["stages"])
        if job["status"] != self._status and not job["stages"]:
            self._say(job["status"])
        self._status = job["status"]
        if self._kind is TUNING:
            self._progress.report_trials("Tuning", self._name)

    def _report_log(self, most: int | None = None) -> None:
        """What is new in the log; of much that was there before, the last `most` lines."""
        if self._kind is TUNING:
            return
        lines = list(self._whole_log())
        if most is not None and len(lines) > most:
            self._say(f"… {len(lines) - most} earlier lines are in {self._kind.log_group}")
            lines = lines[-most:]
        for line in lines:
            self._say(line)

    def _whole_log(self) -> Iterator[str]:
        """All pages that are new, each host's lines named after it where there are several."""
        while events := list(self._tail.new_events()):
            several = len(self._tail.tokens) > 1
            for stream, message in events:
                host = stream.rpartition("/")[2].rpartition("-")[0]
                yield f"[{host}] {message}" if several else message
