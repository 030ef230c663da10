"""`upsert`, `diff`, `show`: what the settings describe, against what is deployed."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from commands.callers import caller_policies
from commands.output import emit, say
from commands.session import Session
from errors import BreedlineError
from infrastructure.sharing import sharing_documents
from pipeline.definition import compile_pipeline
from pipeline.definition import render as render_pipeline
from pipeline.policies import job_documents
from provision import packages
from provision.apply import apply
from provision.archives import read_archives
from provision.change import Change, Clients, Result
from provision.documents import Documents
from provision.plan import Plan, plan
from settings import Settings
from settings.contradictions import warnings
from statemachine.alarms import alarms
from statemachine.definition import ALL_KINDS, compile_machine, kinds
from statemachine.definition import render as render_machine
from statemachine.policies import role_documents
from statemachine.promotion import promotion_documents
from statemachine.rules import rules
from workloads import STEPS, workload_of


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
    """Print a compiled document; needs no server and no account.

    Indented for reading; with --json a pipeline or state machine is exactly the bytes that upsert
    sends.
    """
    if arguments.document == "caller":
        document: Any = caller_policies(session.settings, arguments.commands)
    elif arguments.commands:
        raise BreedlineError("--for chooses commands for `show caller`; leave it out.")
    else:
        document = compile_document(session.settings, arguments.document)
    if not session.as_json:
        text = json.dumps(document, indent=2)
    elif arguments.document == "pipeline":
        text = render_pipeline(document)
    else:
        text = render_machine(document)
    print(text, flush=True)
    return 0


def compile_document(settings: Settings, name: str) -> Any:
    """One document by the name that `show` knows it by."""
    workload = workload_of(settings)
    if name == "pipeline":
        code = packages.build(settings, workload.steps, STEPS)
        return compile_pipeline(settings, packages.uris(code), workload.graph)
    if name in ALL_KINDS:
        return compile_machine(name, settings)
    if name == "rules":
        return [dataclasses.asdict(rule) for rule in rules(settings)]
    if name == "promotion":
        return promotion_documents(settings)
    if name == "roles":
        return {**job_documents(settings), **role_documents(settings)}
    return {"alarms": alarms, "sharing": sharing_documents}[name](settings)


def compile_documents(settings: Settings) -> Documents:
    """All that upsert brings about."""
    workload = workload_of(settings)
    code = packages.build(settings, workload.steps, STEPS)
    return Documents(
        pipeline=compile_pipeline(settings, packages.uris(code), workload.graph),
        packages=code,
        roles=role_documents(settings),
        functions=read_archives(workload.functions),
        alarms=alarms(settings),
        machines={kind: compile_machine(kind, settings) for kind in kinds(settings)},
        rules=rules(settings),
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
    begun: list[Change] = []

    def report(change: Change) -> None:
        begun.append(change)
        why = "" if change.kind == "create" else f"  ({change.reason})"
        say(f"{change.kind:<12} {change.resource} {change.name}{why}")

    try:
        return apply(planned, _clients(session), report)
    except Exception:
        _say_what_is_left(planned, begun)
        raise


def _say_what_is_left(planned: Plan, begun: Sequence[Change]) -> None:
    """Of a plan whose last change that was begun failed."""
    changes = [change for change in planned.changes if change.kind != "no-op"]
    left = [f"{change.resource} {change.name}" for change in changes[len(begun) :]]
    if begun:
        failed = f"{begun[-1].resource} {begun[-1].name}"
        say(
            f"Failed at {failed}. Made before it: {len(begun) - 1}. "
            f"Not begun: {', '.join(left) or 'nothing'}. The next upsert goes on there."
        )


def _clients(session: Session) -> Clients:
    return Clients(session.client)
