"""`bootstrap`: the stack that an environment stands on, shown as a plan and then deployed."""

from __future__ import annotations

import argparse

from commands.asking import agrees
from commands.output import emit, say
from commands.session import Session
from infrastructure.parameters import parameter_values, stack_name
from infrastructure.pruning import prune
from infrastructure.template import as_json, compile_template
from provision.change import Clients
from provision.release import release
from provision.stack import (
    StackPlan,
    Wanted,
    delete,
    discard,
    execute,
    find_stack,
    list_resources,
    propose,
)
from settings import Settings, partition_of
from statemachine.names import Names

# Output -> the settings that want it.
FOR_SETTINGS = {"Subnets": "aws.subnets", "SecurityGroups": "aws.security_groups"}


def bootstrap(session: Session, arguments: argparse.Namespace) -> int:
    """Show what would change, ask, and deploy; exit 1 when the answer is no."""
    if arguments.delete:
        return _delete(session, arguments)
    clients, poll = Clients(session.client), session.poll_seconds
    planned = propose(clients, wanted_stack(session.settings), poll, say)
    if arguments.dry_run:
        discard(clients, planned, poll)
        emit(planned.as_dict(), str(planned), session.as_json)
        return 0
    if planned.is_empty:
        emit({**planned.as_dict(), "outputs": {}}, "Nothing to change.", session.as_json)
        return 0
    say(str(planned))
    agreed = False
    try:
        agreed = arguments.yes or _wants(planned, session.settings)
    finally:  # also where there is nobody to ask
        if not agreed:
            discard(clients, planned, poll)
    if not agreed:
        say("Nothing was changed.")
        return 1
    outputs = execute(clients, planned, poll, say)
    result = {**planned.as_dict(), "outputs": outputs}
    emit(result, describe_outputs(planned.stack, outputs), session.as_json)
    return 0


def wanted_stack(settings: Settings) -> Wanted:
    """The stack that the settings describe."""
    values = parameter_values(settings)
    template = prune(compile_template(settings), values, partition_of(settings.aws.region))
    used = {name: value for name, value in values.items() if name in template["Parameters"]}
    return Wanted(stack_name(settings), as_json(template), used, settings.tags)


def describe_outputs(stack: str, outputs: dict[str, str]) -> str:
    """What is there now, and what of it belongs into the settings."""
    lines = [f"The stack {stack} is up to date."]
    lines += [f"{name}: {value}" for name, value in outputs.items() if name not in FOR_SETTINGS]
    for name, key in FOR_SETTINGS.items():
        if name in outputs:
            listed = ", ".join(f'"{item}"' for item in outputs[name].split(","))
            lines.append(f"For environments.toml: {key} = [{listed}]")
    return "\n".join(lines)


def _wants(planned: StackPlan, settings: Settings) -> bool:
    question = f"Change the stack {planned.stack} of '{settings.environment}' so?"
    return agrees("bootstrap asks before it changes the stack", question)


def _delete(session: Session, arguments: argparse.Namespace) -> int:
    """Delete the stack; what holds data outlives it."""
    clients, name = Clients(session.client), stack_name(session.settings)
    found = find_stack(clients, name)
    changes = list_resources(clients, name, _kept()) if found else []
    result = {"stack": name, "changes": [change.as_dict() for change in changes]}
    if not changes and not found:
        if not arguments.dry_run:  # a deletion may have been cut off here
            _release(clients, session.settings)
        emit(result, f"There is no stack {name}.", session.as_json)
        return 0
    shown = "\n".join(map(str, changes))
    if arguments.dry_run:
        emit(result, shown, session.as_json)
        return 0
    say(shown)
    if not arguments.yes and not agrees(
        "bootstrap asks before it deletes the stack", f"Delete the stack {name}?"
    ):
        say("Nothing was deleted.")
        return 1
    delete(clients, name, session.poll_seconds, say)
    _release(clients, session.settings)
    emit(result, f"The stack {name} is deleted.", session.as_json)
    return 0


def _release(clients: Clients, settings: Settings) -> None:
    release(clients, stack_name(settings), settings.bucket, Names(settings).queue)


def _kept() -> set[str]:
    """The resources that outlive the stack, by their names in the template."""
    resources = compile_template()["Resources"].items()
    return {name for name, node in resources if "DeletionPolicy" in node}
