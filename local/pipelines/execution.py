"""One running execution: a thread that starts steps as they become ready, a thread per step.

All state is in the records; this object holds only what runs. When the process dies, the records
say how far the execution had come, and RetryPipelineExecution goes on from there.
"""

from __future__ import annotations

import logging
import secrets
import string
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from local.backend import Backend
from local.iam.caller import Caller
from local.pipelines import retry, schedule
from local.pipelines.cache import cache_key, newest_match
from local.pipelines.definition import Definition, Step
from local.pipelines.properties import Properties
from local.pipelines.records import RUNNING, Records, iso_time
from local.pipelines.steps import (
    BODY_FIELDS,
    JOB_TYPES,
    NAME_FIELDS,
    RUNNERS,
    Call,
    Invoke,
    Metadata,
    StepFault,
    Work,
    stop_job,
)
from local.pipelines.values import Scope, ValueFault, resolve

logger = logging.getLogger(__name__)
FAILED = "Step failure: One or multiple steps failed."
DEFAULT_PARALLEL_STEPS = 50  # AWS's own default
RANDOM_LENGTH = 10
EXECUTION_ID_LENGTH = 12


def new_id(length: int = EXECUTION_ID_LENGTH) -> str:
    """A random identifier of small letters and digits."""
    letters = string.ascii_lowercase + string.digits
    return "".join(secrets.choice(letters) for _ in range(length))


def job_name(step: Step, execution_id: str, prefix: str | None) -> str:
    """A new name within the job type's limit: AWS's pattern, or the step's own prefix in front."""
    job = JOB_TYPES.get(step.type)
    longest = job.longest_name if job else 63
    tail = f"-{new_id(RANDOM_LENGTH)}"
    if longest < 63:
        head = prefix or f"{execution_id}-{step.name}"
    else:
        head = f"{prefix}-{execution_id}" if prefix else f"pipelines-{execution_id}-{step.name}"
    return head.replace("_", "-")[: longest - len(tail)].rstrip("-") + tail


@dataclass(frozen=True)
class Ports:
    """The ways out of an execution: SageMaker's actions, functions, queues; and who goes them."""

    call: Call
    invoke: Invoke
    send_message: Callable[[str, str], None]
    caller: Caller | None = None


class Execution:
    """Runs the steps of one execution. `plan` is what runs, `definition` all that is declared."""

    def __init__(
        self, backend: Backend, records: Records, ports: Ports, arn: str, definition: Definition
    ) -> None:
        self.arn = arn
        self._backend = backend
        self._records = records
        self._ports = ports
        document = records.execution(arn)
        self._document = document
        selected = document.get("_SelectedSteps")
        self._plan = definition.select(frozenset(selected)) if selected else definition
        self._properties = Properties(backend, records, ports.call, arn, definition, ports.caller)
        self._stopping = threading.Event()
        self._changed = threading.Condition()

    @property
    def id(self) -> str:
        return self.arn.rpartition("/")[2]

    def start(self, then: Callable[[], None] = lambda: None) -> None:
        """Begin in a thread of its own; `then` is called there after the end."""
        name = f"execution {self.id}"
        threading.Thread(target=self._run, args=(then,), name=name, daemon=True).start()

    def stop(self) -> None:
        """Start nothing more, and stop what runs."""
        self._stopping.set()
        for step in self._records.mark_stopping(self.arn):
            if step["StepStatus"] == "Stopping":
                stop_job(self._ports.call, step["_Type"], step["Metadata"])
        self._wake()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _run(self, then: Callable[[], None]) -> None:
        try:
            if self._records.execution(self.arn)["PipelineExecutionStatus"] == "Stopping":
                self._stopping.set()  # stopped before it began
            while self._start_ready_steps():
                continue
            self._finish()
        except Exception as error:
            # A fault of the interpreter itself: the execution must end, and say so.
            logger.exception("the execution %s broke", self.arn)
            reason = f"InternalServerError: {type(error).__name__}: {error}"
            self._records.change_execution(self.arn, "Failed", reason)
        finally:
            then()

    def _start_ready_steps(self) -> bool:
        """Start what may start, then wait for a change; False when nothing more will happen."""
        with self._changed:
            progress = self._records.progress(self.arn)
            running = sum(each.status in RUNNING for each in progress.values())
            startable = [] if self._stopping.is_set() else schedule.ready(self._plan, progress)
            for step in startable[: max(0, self._most_parallel() - running)]:
                self._records.begin_step(self.arn, step)
                name = f"step {self.id}/{step.name}"
                threading.Thread(
                    target=self._run_step, args=(step,), name=name, daemon=True
                ).start()
                running += 1
            if running:
                self._changed.wait()
            return running > 0

    def _most_parallel(self) -> int:
        config = self._records.execution(self.arn).get("ParallelismConfiguration") or {}
        return int(config.get("MaxParallelExecutionSteps") or DEFAULT_PARALLEL_STEPS)

    def _finish(self) -> None:
        status = schedule.result(self._records.progress(self.arn))
        if self._stopping.is_set():
            status = "Stopped"
        self._records.change_execution(self.arn, status, FAILED if status == "Failed" else None)

    def _run_step(self, step: Step) -> None:
        """Run one step to its end and record how it ended; never raises."""
        try:
            ended, fields = "Succeeded", self._result(step)
        except (StepFault, ValueFault) as fault:
            stopped = isinstance(fault, StepFault) and fault.stopped
            ended, fields = (
                ("Stopped", {}) if stopped else ("Failed", {"FailureReason": str(fault)})
            )
        except Exception as error:
            # A fault of the interpreter itself must not leave the step running for ever.
            logger.exception("the step %s of %s broke", step.name, self.arn)
            reason = f"InternalServerError: {type(error).__name__}: {error}"
            ended, fields = "Failed", {"FailureReason": reason}
        with self._changed:
            self._records.end_step(self.arn, step.name, ended, **fields)
            self._changed.notify_all()

    def _result(self, step: Step) -> dict[str, Any]:
        """The fields of a step that succeeded: from the cache, or from running it."""
        if step.cache_seconds is None:
            return {"Metadata": self._attempts(step)}
        key = cache_key(step.name, step.type, self._work(step).arguments)
        records = self._records.steps_of_pipeline(self._document["_Pipeline"], step.name)
        hit = newest_match(records, key, step.cache_seconds, self._backend.now())
        if hit is None or not self._properties.still_there(hit):
            self._records.change_step(self.arn, step.name, _CacheKey=key)
            return {"Metadata": self._attempts(step)}
        source = {"SourcePipelineExecutionArn": hit["_Execution"]}
        return {"Metadata": hit["Metadata"], "CacheHitResult": source, "_CacheKey": key}

    def _attempts(self, step: Step) -> Metadata:
        """Try until the step succeeds or its retry policies are exhausted; raises StepFault."""
        retries: Counter[retry.RetryPolicy] = Counter()
        began = self._backend.now()
        while True:
            if self._stopping.is_set():
                raise StepFault("The execution was stopped.", stopped=True)
            try:
                return RUNNERS[step.type](self._work(step))
            except StepFault as fault:
                policy = retry.choose(step.retry_policies, fault.exception_type)
                elapsed = self._backend.now() - began
                wait = policy.delay(retries[policy], elapsed) if policy else None
                if policy is None or wait is None or fault.stopped:
                    raise
                logger.info("step %s is tried again in %g s: %s", step.name, wait, fault)
                retries[policy] += 1
                self._stopping.wait(wait)
                attempts = 1 + sum(retries.values())
                self._records.change_step(self.arn, step.name, AttemptCount=attempts)

    def _work(self, step: Step) -> Work:
        """One attempt's work: a new job name, and the arguments resolved with it."""
        scope = self._scope(step, None)
        name_field = NAME_FIELDS.get(step.type, "")
        prefix = resolve(step.arguments.get(name_field), scope)
        name = job_name(step, self.id, prefix)
        scope = self._scope(step, name)
        values = step.arguments if step.type != "Condition" else {}
        if step.type in BODY_FIELDS:
            values |= {BODY_FIELDS[step.type]: step.body[BODY_FIELDS[step.type]]}
        return Work(
            step=step,
            execution_arn=self.arn,
            arguments=resolve(values, scope),
            name=name,
            scope=scope,
            call=self._ports.call,
            invoke=self._ports.invoke,
            send_message=self._ports.send_message,
            store=self._backend.store,
            record=f"{self.arn}/{step.name}",
            announce=lambda metadata: self._announce(step, metadata),
            stopping=self._stopping,
        )

    def _announce(self, step: Step, metadata: Metadata) -> None:
        status = "Stopping" if self._stopping.is_set() else "Executing"
        self._records.change_step(self.arn, step.name, Metadata=metadata, StepStatus=status)

    def _scope(self, step: Step, name: str | None) -> Scope:
        document = self._document
        variables = {
            "PipelineName": document["_Pipeline"],
            "PipelineArn": document["PipelineArn"],
            "PipelineExecutionId": self.id,
            "PipelineExecutionArn": self.arn,
            "StartDateTime": iso_time(document["CreationTime"]),
            "CurrentDateTime": iso_time(self._backend.now()),
        }
        if name and step.type in ("Training", "Processing"):
            variables[f"{step.type}JobName"] = name
        empty = self._properties.scope(document["_Parameters"])
        return replace(empty, execution=variables)
