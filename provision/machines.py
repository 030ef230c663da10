"""The state machines that deploy, roll back and retrain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provision.change import Change, Clients, compare, only, or_none, unless_there
from provision.logs import machine_logs, machines_of
from settings import Settings
from statemachine.definition import render
from statemachine.names import Names

RESOURCE = "state-machine"


@dataclass(frozen=True)
class Machine:
    """The state machine as it should be."""

    name: str
    arn: str
    definition: Mapping[str, Any]
    role_arn: str
    log_group_arn: str
    tags: dict[str, str]

    def properties(self) -> dict[str, Any]:
        """What is compared with the state machine that exists."""
        return {
            "definition": self.definition,
            "logging": self.logging(),
            "role_arn": self.role_arn,
            "tags": self.tags,
            "tracing": False,
        }

    def logging(self) -> dict[str, Any]:
        """Every state that is entered and left, without the data: that is in the history."""
        return {
            "level": "ALL",
            "includeExecutionData": False,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": self.log_group_arn}}],
        }

    def request(self) -> dict[str, Any]:
        """What CreateStateMachine and UpdateStateMachine both take."""
        return {
            "definition": render(self.definition),
            "roleArn": self.role_arn,
            "loggingConfiguration": self.logging(),
            "tracingConfiguration": {"enabled": False},
        }


def plan_machines(
    clients: Clients, settings: Settings, definitions: Mapping[str, Mapping[str, Any]]
) -> Iterator[Change]:
    """Compare the state machines with their definitions: kind -> Amazon States Language.

    `rollback` comes before `deploy`, which may start it.
    """
    names = Names(settings)
    for kind in machines_of(settings) if definitions else ():
        definition, name = definitions[kind], names.state_machine(kind)
        version = hashlib.sha256(render(definition).encode()).hexdigest()[:12]
        desired = Machine(
            name,
            names.state_machine_arn(kind),
            definition,
            names.role("workflow"),
            names.arn("logs", f"log-group:{machine_logs(name)}:*"),
            {**settings.tags, "version": version},
        )
        yield compare(RESOURCE, _current(clients("stepfunctions"), desired), desired)


def apply_machine(clients: Clients, change: Change) -> str:
    """Create or update the state machine; returns its ARN. Executions that run go on as begun."""
    machine: Machine = change.desired
    states = clients("stepfunctions")
    tags = [{"key": key, "value": value} for key, value in sorted(machine.tags.items())]
    made = None
    if change.kind == "create":
        made = unless_there(
            lambda: states.create_state_machine(
                name=machine.name, type="STANDARD", tags=tags, **machine.request()
            )
        )
    if made is None:
        states.update_state_machine(stateMachineArn=machine.arn, **machine.request())
        states.tag_resource(resourceArn=machine.arn, tags=tags)
    return machine.arn


def _current(states: Any, machine: Machine) -> dict[str, Any] | None:
    found = or_none(
        lambda: states.describe_state_machine(stateMachineArn=machine.arn),
        "StateMachineDoesNotExist",
    )
    if found is None:
        return None
    listed = states.list_tags_for_resource(resourceArn=machine.arn)["tags"]
    tags = {tag["key"]: tag["value"] for tag in listed}
    return {
        "definition": json.loads(found["definition"]),
        "logging": found.get("loggingConfiguration"),
        "role_arn": found["roleArn"],
        "tags": only(tags, machine.tags),
        "tracing": found.get("tracingConfiguration", {}).get("enabled", False),
    }
