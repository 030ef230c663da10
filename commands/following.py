"""A running deployment or rollback, live on stderr: its states as they are entered."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from commands.deployments import FINAL, KINDS, read_deployment
from commands.output import say
from commands.session import Session
from statemachine.names import Names


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
        if self.seen.get(state["name"]) == state["status"]:
            return
        self.seen[state["name"]] = state["status"]
        words = state["error"] or (f"in {state['seconds']:.1f} s" if state["seconds"] else "")
        self.say(f"{state['name']:<24} {state['status']} {words}".rstrip())


def follow_deployment(session: Session, arn: str) -> dict[str, Any]:
    """Follow an execution on stderr until it ends; returns its final state."""
    try:
        return States(session.client("stepfunctions"), arn, say).follow(session.poll_seconds)
    except KeyboardInterrupt:
        say(f"\nThe execution goes on; re-attach with: python definitions.py watch {arn}")
        sys.exit(130)


def list_deployments(session: Session, most: int, *kinds: str) -> list[dict[str, Any]]:
    """The newest executions of the state machines: {kind, arn, status, started}."""
    stepfunctions, found = session.client("stepfunctions"), []
    for kind in kinds or KINDS:
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
            }
            for execution in answer["executions"]
        ]
    return sorted(found, key=lambda execution: execution["started"], reverse=True)[:most]
