"""`attach`: follow any execution or job to its end, whoever started it and from where."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from commands.deployments import describe_deployment
from commands.execution import follow
from commands.executions import describe
from commands.following import follow_deployment
from commands.jobs import FINAL, TUNING, JobKind, describe_job, read_job
from commands.output import emit, say
from commands.progress import LogTail, Progress
from commands.session import Session
from commands.targets import confirm, find_target

EARLIER_LINES = 20  # of a log that was written before


def attach(session: Session, arguments: argparse.Namespace) -> int:
    """Show the state of what has this name or ARN and follow it; fail unless it succeeded."""
    target = find_target(session, arguments.name)
    confirm(session, target)
    say(f"Attached to the {target.words} {target.arn}")
    if target.job:
        job = follow_job(session, target.job, target.arn.rpartition("/")[2])
        emit(job, describe_job(job), session.as_json)
        return 0 if job["status"] == "Completed" else 1
    if target.is_of_state_machine:
        deployment = follow_deployment(session, target.arn)
        emit(deployment, describe_deployment(deployment), session.as_json)
        return 0 if deployment["status"] == "SUCCEEDED" else 1
    execution = follow(session, target.arn)
    emit(execution, describe(execution), session.as_json)
    return 0 if execution["status"] == "Succeeded" else 1


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
