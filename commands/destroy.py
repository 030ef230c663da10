"""`destroy`: take down all that the environment made; data and registry only when asked for."""

from __future__ import annotations

import argparse

from commands.asking import agrees
from commands.output import emit, say
from commands.session import Session
from provision.change import Change, Clients
from provision.teardown.destroy import destroy as carry_out
from provision.teardown.plan import Destruction, Scope, plan_destruction

DONE = {"delete": "deleted", "stop": "stopped"}


def destroy(session: Session, arguments: argparse.Namespace) -> int:
    """Show the plan, ask, and carry it out; exit 1 when the answer is no."""
    clients, scope = Clients(session.client), Scope(arguments.data, arguments.registry)
    planned = plan_destruction(clients, session.settings, scope)
    if arguments.dry_run:
        emit(planned.as_dict(), str(planned), session.as_json)
        return 0
    if not planned.is_empty:
        say(str(planned))
        if not arguments.yes and not _agrees(session):
            say("Nothing was deleted.")
            return 1
    done = carry_out(planned, clients, session.settings, scope, _report)
    result = {
        "done": [change.as_dict() for change in done],
        "kept": [change.as_dict() for change in planned.kept],
        "is_empty": planned.is_empty,
    }
    emit(result, describe_destruction(planned, done), session.as_json)
    return 0


def describe_destruction(planned: Destruction, done: list[Change]) -> str:
    """What was done, and what is still there."""
    lines = [f"{DONE[change.kind]} {change.resource} {change.name}" for change in done]
    lines = lines or ["Nothing to destroy."]
    return "\n".join([*lines, *(str(change) for change in planned.kept)])


def _report(change: Change) -> None:
    say(f"{change.kind:<12} {change.resource} {change.name}")


def _agrees(session: Session) -> bool:
    question = f"Destroy this of the environment '{session.settings.environment}'?"
    return agrees("destroy asks before it deletes", question)
