"""A running pipeline, live on stderr: its steps, trials, epochs and metrics as they happen.

Reads only what any client may read (steps, tuning jobs, log streams), so it shows the same on AWS
and on the embedded AWS.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from commands.executions import FINAL, read_execution

TRAINING_LOGS = "/aws/sagemaker/TrainingJobs"
RUNNING = {"Executing", "Starting", "Stopping"}
TOLD = ("WARNING ", "INFO training ended ")  # lines that are passed on as they are
METRIC = re.compile(r"([\w:]+)=(\S+)")


@dataclass
class LogTail:
    """Reads what is new in one job's log streams."""

    logs: Any
    group: str
    job: str
    tokens: dict[str, str] = field(default_factory=dict)

    def new_lines(self) -> Iterator[str]:
        """Messages that were not read before; nothing while the streams do not exist yet."""
        return (message for _, message in self.new_events())

    def new_events(self) -> Iterator[tuple[str, str]]:
        """The same with the stream that each came from."""
        try:
            found = self.logs.describe_log_streams(
                logGroupName=self.group, logStreamNamePrefix=f"{self.job}/"
            )
        except self.logs.exceptions.ResourceNotFoundException:
            return
        for stream in found["logStreams"]:
            name = stream["logStreamName"]
            for message in self._read(name):
                yield name, message

    def _read(self, stream: str) -> Iterator[str]:
        position = {"nextToken": self.tokens[stream]} if stream in self.tokens else {}
        answer = self.logs.get_log_events(
            logGroupName=self.group, logStreamName=stream, startFromHead=True, **position
        )
        self.tokens[stream] = answer["nextForwardToken"]
        for event in answer["events"]:
            yield event["message"]


@dataclass
class Progress:
    """Follows one execution and says what changed."""

    sagemaker: Any
    logs: Any
    arn: str
    say: Callable[[str], None]
    seen: dict[str, str] = field(default_factory=dict)
    trials: dict[str, str] = field(default_factory=dict)
    tails: dict[str, LogTail] = field(default_factory=dict)

    def follow(
        self, interval: float, sleep: Callable[[float], None] = time.sleep
    ) -> dict[str, Any]:
        """Until the execution ends; `interval` is in seconds. Returns its final state."""
        while True:
            execution = read_execution(self.sagemaker, self.arn)
            for step in execution["steps"]:
                self._report_detail(step)
                self._report_step(step)
            if execution["status"] in FINAL:
                return execution
            sleep(interval)

    def _report_step(self, step: dict[str, Any]) -> None:
        state = f"{step['status']} {step['attempts']}"
        if self.seen.get(step["name"]) == state:
            return
        self.seen[step["name"]] = state
        self.say(f"{step['name']:<10} {_describe_step(step)}")

    def _report_detail(self, step: dict[str, Any]) -> None:
        """Trials and epochs, until the step has been reported as finished."""
        reported = self.seen.get(step["name"], "Executing").split()[0]
        if not step["arn"] or step["cached"] or reported not in RUNNING:
            return
        job = step["arn"].rpartition("/")[2]
        if step["type"] == "TuningJob":
            self.report_trials(step["name"], job)
        elif step["type"] == "TrainingJob":
            self._report_epoch(f"{step['name']:<10}", job)

    def report_trials(self, step: str, tuning_job: str) -> None:
        """Each trial when its status changes, and the newest epoch of those that run."""
        answer = self.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=tuning_job, SortBy="CreationTime", SortOrder="Ascending"
        )
        for number, trial in enumerate(answer["TrainingJobSummaries"], start=1):
            name, status = trial["TrainingJobName"], trial["TrainingJobStatus"]
            if self.trials.get(name) != status:
                self.trials[name] = status
                self.say(f"{step:<10} trial {number} {status}: {_describe_trial(trial)}")
            elif status == "InProgress":
                self._report_epoch(f"{step:<10} trial {number}", name)

    def _report_epoch(self, head: str, job: str) -> None:
        """The newest metrics line, of however many came since the last look, and every warning."""
        tail = self.tails.setdefault(job, LogTail(self.logs, TRAINING_LOGS, job))
        lines = list(tail.new_lines())
        metrics = [line for line in lines if line.startswith("metrics ")]
        if metrics:
            figures = "  ".join(f"{name} {value}" for name, value in METRIC.findall(metrics[-1]))
            self.say(f"{head} {figures}")
        for line in lines:
            if line.startswith(TOLD):
                self.say(f"{head} {line}")


def _describe_step(step: dict[str, Any]) -> str:
    words = [step["status"]]
    if step["attempts"] and step["attempts"] > 1:
        words.append(f"(attempt {step['attempts']})")
    if step["cached"]:
        words.append("from the cache")
    elif step["seconds"] is not None:
        words.append(f"in {step['seconds']:.1f} s")
    if step["outcome"]:
        words.append(str(step["outcome"]))
    if step["failure_reason"]:
        words.append(step["failure_reason"])
    return " ".join(words)


def _describe_trial(trial: dict[str, Any]) -> str:
    values = sorted(trial["TunedHyperParameters"].items())
    tuned = " ".join(f"{name}={_shorten(value)}" for name, value in values)
    metric = trial.get("FinalHyperParameterTuningJobObjectiveMetric")
    return f"{tuned} → {metric['MetricName']} {metric['Value']:.4f}" if metric else tuned


def _shorten(value: str) -> str:
    """A tuned value to four digits; the quotes that script mode puts around words go."""
    bare = value.strip('"')
    try:
        return f"{float(bare):.4g}"
    except ValueError:
        return bare
