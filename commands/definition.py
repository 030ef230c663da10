"""`upsert`, `diff`, `show`: what the settings describe, against what is deployed."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from commands.output import emit, say
from commands.session import Session
from pipeline.definition import compile_pipeline, render
from provision import packages
from provision.apply import apply
from provision.change import Change, Clients, Result
from provision.documents import Documents
from provision.plan import Plan, plan
from settings import Settings
from settings.contradictions import warnings

STEPS = Path(__file__).parents[1] / "steps"


def upsert(session: Session, arguments: argparse.Namespace) -> int:
    """Carry out the plan, or only print it with --dry-run."""
    planned = make_plan(session)
    if arguments.dry_run:
        emit(planned.as_dict(), str(planned), session.as_json)
        return 0
    results = _apply(session, planned)
    result = {"applied": [done.as_dict() for done in results], "is_empty": planned.is_empty}
    lines = [f"{done.change.kind}d {done.change.resource} {done.detail}" for done in results]
    emit(result, "\n".join(lines) or "Nothing to change.", session.as_json)
    return 0


def diff(session: Session, arguments: argparse.Namespace) -> int:
    """Print the plan; exit 2 when it would change something."""
    planned = make_plan(session)
    emit(planned.as_dict(), str(planned), session.as_json)
    return 0 if planned.is_empty else 2


def show(session: Session, arguments: argparse.Namespace) -> int:
    """Print the compiled pipeline definition; needs no server and no account.

    Indented for reading; with --json exactly the bytes that upsert sends.
    """
    definition = compile_documents(session.settings).pipeline
    print(render(definition) if session.as_json else json.dumps(definition, indent=2))
    return 0


def compile_documents(settings: Settings) -> Documents:
    """Everything that the settings describe."""
    code = packages.build(settings, STEPS)
    return Documents(
        pipeline=compile_pipeline(settings, packages.uris(code)),
        packages=code,
    )


def apply_definition(session: Session) -> None:
    """Bring what is deployed up to date, saying what changes."""
    _apply(session, make_plan(session))


def make_plan(session: Session) -> Plan:
    """Compile, read what is deployed, compare; what is unwise is said first."""
    for warning in warnings(session.settings):
        say(f"Warning: {warning}")
    return plan(_clients(session), session.settings, compile_documents(session.settings))


def _apply(session: Session, planned: Plan) -> list[Result]:
    def report(change: Change) -> None:
        say(f"{change.kind:<12} {change.resource} {change.name}")

    return apply(planned, _clients(session), report)


def _clients(session: Session) -> Clients:
    return Clients(session.client)
