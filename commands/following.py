"""A running deployment or rollback, live on stderr: its states as they are entered."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from commands.deployments import FINAL, is_telling, read_deployment
from commands.output import say
from commands.session import Session
from errors import BreedlineError
from statemachine.names import Names

DEPLOYING = ("deploy", "rollback")  # the state machines that change what is live
PATIENCE = 60.0  # seconds that EventBridge may take to start a deployment


@dataclass
class States:
    """Follows one execution of a state machine and says what changed."""

    stepfunctions: Any
    arn: str
    say: Callable[[str], None]
    seen: dict[str, str] = field(default_factory=dict)

    def follow(
        self, interval: float, sleep: Callable[[float], None] = time.sleep
    ) -> dict[str, Any]:
        """Until the execution ends; `interval` is in seconds. Returns its final state."""
        while True:
            deployment = read_deployment(self.stepfunctions, self.arn)
            for state in deployment["states"]:
                self._report(state)
            if deployment["status"] in FINAL:
                return deployment
            sleep(interval)

    def _report(self, state: dict[str, Any]) -> None:
        if self.seen.get(state["name"]) == state["status"] or not is_telling(state):
            return
        self.seen[state["name"]] = state["status"]
        took = f"in {state['seconds']:.1f} s" if state["seconds"] else ""
        # What follows in an error of an SDK's is for AWS's support: service, status, request.
        words = (state["error"] or took).partition(" (Service: ")[0]
        self.say(f"{state['name']:<24} {state['status']} {words}".rstrip())


def follow_deployment(session: Session, arn: str) -> dict[str, Any]:
    """Follow an execution on stderr until it ends; returns its final state."""
    try:
        return States(session.client("stepfunctions"), arn, say).follow(session.poll_seconds)
    except KeyboardInterrupt:
        say(f"\nThe execution goes on; re-attach with: python definitions.py watch {arn}")
        sys.exit(130)


def require_machine(session: Session, kind: str) -> str:
    """ARN of a state machine; raises BreedlineError where it is not deployed."""
    names, stepfunctions = Names(session.settings), session.client("stepfunctions")
    arn = names.state_machine_arn(kind)
    try:
        stepfunctions.describe_state_machine(stateMachineArn=arn)
    except stepfunctions.exceptions.StateMachineDoesNotExist as error:
        raise BreedlineError(
            f"The state machine '{names.state_machine(kind)}' is not deployed in the environment "
            f"'{session.settings.environment}'; run `python definitions.py upsert` first."
        ) from error
    return arn


def list_deployments(
    session: Session, most: int, kinds: Sequence[str] = DEPLOYING
) -> list[dict[str, Any]]:
    """The newest executions of the state machines: {kind, arn, status, started, ended}."""
    stepfunctions, found = session.client("stepfunctions"), []
    for kind in kinds:
        arn = Names(session.settings).state_machine_arn(kind)
        try:
            answer = stepfunctions.list_executions(stateMachineArn=arn, maxResults=most)
        except stepfunctions.exceptions.StateMachineDoesNotExist:
            continue
        found += [
            {
                "kind": kind,
                "arn": execution["executionArn"],
                "status": execution["status"],
                "started": execution["startDate"],
                "ended": execution.get("stopDate"),
            }
            for execution in answer["executions"]
        ]
    return sorted(found, key=lambda execution: execution["started"], reverse=True)[:most]


def deployments_so_far(session: Session) -> set[str]:
    """ARNs of the newest deployments, to tell a later one from them."""
    return {execution["arn"] for execution in list_deployments(session, 100, ["deploy"])}


def await_deployment(
    session: Session, package_arn: str, before: Set[str], patience: float = PATIENCE
) -> str:
    """ARN of the deployment of a package that an event starts, none of those `before`.

    Raises BreedlineError when none has begun after `patience` seconds.
    """
    stepfunctions, deadline = session.client("stepfunctions"), time.monotonic() + patience
    while time.monotonic() < deadline:
        # Oldest first: an event that is delivered twice starts a second one, which yields.
        for execution in reversed(list_deployments(session, 20, ["deploy"])):
            if (arn := str(execution["arn"])) in before:
                continue
            given = json.loads(stepfunctions.describe_execution(executionArn=arn)["input"])
            if isinstance(given, dict) and given.get("model_package_arn") == package_arn:
                return arn
        time.sleep(max(0.0, min(session.poll_seconds, deadline - time.monotonic())))
    raise BreedlineError(
        f"No deployment of {package_arn} began within {patience:.0f} s; look at the rule "
        f"'{Names(session.settings).rule('approval')}' and the queue "
        f"'{Names(session.settings).queue}' of events that found no way."
    )
