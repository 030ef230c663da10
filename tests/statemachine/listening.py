"""An environment whose rules are deployed in the embedded EventBridge."""

from __future__ import annotations

import json
import time
from typing import Any

from provision.alarms import apply_alarm, plan_alarms
from provision.apply import apply
from provision.bucket import plan_bucket
from provision.change import Clients
from provision.plan import Plan
from provision.queues import plan_queue
from provision.rules import plan_rules
from provision.topics import plan_topic
from statemachine.alarms import DRIFT, alarms
from statemachine.rules import rules
from tests.statemachine.retraining import Retraining
from tests.statemachine.world import LONGEST, World

SUNDAYS = "cron(0 3 ? * SUN *)"


class Listening:
    """An environment whose rules are deployed, with all that they reach."""

    def __init__(self, world: World) -> None:
        self.aws = world.environment(
            aws={"bucket": "listening"},
            alarms={"min_confidence": 0.5},
            triggers={"retrain_schedule": SUNDAYS},
        )
        self.settings, self.names = self.aws.settings, self.aws.names
        self.retraining = Retraining(self.aws)
        self.aws.machine("deploy")
        self._seen: set[str] = set()
        self._provision()

    def _provision(self) -> None:
        clients, found = Clients(self.aws.client), rules(self.settings)
        for change in plan_alarms(clients, self.settings, alarms(self.settings)):
            apply_alarm(clients, change)
        names = [rule.name for rule in found]
        everything = (
            plan_bucket(clients, self.settings),
            plan_topic(clients, self.settings, [self.names.alarm(DRIFT)]),
            plan_queue(clients, self.settings, names),
            *plan_rules(clients, self.settings, found),
        )
        apply(Plan(everything), clients)

    def started(self, kind: str) -> str:
        """The one new execution of a state machine."""
        machine, ends = self.names.state_machine_arn(kind), time.monotonic() + LONGEST
        states = self.aws.client("stepfunctions")
        while time.monotonic() < ends:
            listed = states.list_executions(stateMachineArn=machine)["executions"]
            new = [
                each["executionArn"] for each in listed if each["executionArn"] not in self._seen
            ]
            if new:
                self._seen |= set(new)
                (execution,) = new
                return str(execution)
            time.sleep(0.05)
        raise AssertionError(f"no execution of {machine} began")

    def ended(self, kind: str) -> dict[str, Any]:
        """The same, ended, with its input."""
        ended = self.aws.end(self.started(kind))
        return ended | {"input": json.loads(ended["input"])}

    def nothing_else(self) -> bool:
        """Whether no further execution began, and no event was left over."""
        states, found = self.aws.client("stepfunctions"), set()
        for kind in ("deploy", "retrain"):
            machine = self.names.state_machine_arn(kind)
            listed = states.list_executions(stateMachineArn=machine)["executions"]
            found |= {each["executionArn"] for each in listed}
        sqs = self.aws.client("sqs")
        queue = sqs.get_queue_url(QueueName=self.names.queue)["QueueUrl"]
        return found == self._seen and "Messages" not in sqs.receive_message(QueueUrl=queue)

    def told(self, event: str) -> dict[str, Any]:
        """Wait for a message of this kind."""
        ends = time.monotonic() + LONGEST
        while time.monotonic() < ends:
            for message in self.aws.messages():
                if message.get("event") == event:
                    return message
            time.sleep(0.05)
        raise AssertionError(f"nobody told of {event}")
