"""`preflight`: what would go wrong, said before anything costs money."""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from commands.callers import read_commands
from commands.definition import compile_document
from commands.executions import find_last_data
from commands.output import emit, say
from commands.session import Session
from errors import BreedlineError
from provision.change import Clients
from provision.preflight.checks import Checked, run_checks
from provision.preflight.findings import Finding, Subject
from settings import Settings
from statemachine.definition import KINDS

FAULT = "fault"


def preflight(session: Session, arguments: argparse.Namespace) -> int:
    """Print what was found; exit 1 when something would fail."""
    subject = read_subject(session, arguments.data, read_commands(arguments.commands))
    checked = run_checks(subject, lambda name: say(f"Looking at  {name}"))
    findings = [finding for check in checked for finding in check.findings]
    counts = {level: _count(findings, level) for level in (FAULT, "warning", "unchecked")}
    result = {"checks": [check.as_dict() for check in checked], "counts": counts}
    emit(result, describe_preflight(checked, counts), session.as_json)
    return 1 if counts[FAULT] else 0


def read_subject(session: Session, data_uri: str | None, commands: tuple[str, ...] = ()) -> Subject:
    """What is looked at: the compiled documents, and the data that `start` would take."""
    settings = session.settings
    pipeline, refusal = _pipeline(settings)
    return Subject(
        clients=Clients(session.client),
        settings=settings,
        pipeline=pipeline,
        machines={kind: compile_document(settings, kind) for kind in KINDS},
        roles=compile_document(settings, "roles"),
        data_uri=data_uri or settings.pipeline.data_uri or _last(session) or settings.data_uri,
        today=datetime.now(timezone.utc).date(),
        refusal=refusal,
        commands=commands,
    )


def _pipeline(settings: Settings) -> tuple[dict[str, Any], str]:
    """The definition, or why there is none."""
    try:
        return compile_document(settings, "pipeline"), ""
    except BreedlineError as error:
        return {}, str(error)


def describe_preflight(checked: list[Checked], counts: dict[str, int]) -> str:
    """A line for each check that found nothing, a paragraph for each finding, and the counts."""
    lines = []
    for check in checked:
        if not check.findings:
            lines.append(f"ok         {check.name}")
        for finding in check.findings:
            lines += [
                f"{finding.level:<10} {finding.about}: {finding.problem}",
                f"           → {finding.remedy}",
            ]
            if finding.policy:
                pasted = json.dumps(finding.policy, indent=2)
                lines += [f"           {line}" for line in pasted.splitlines()]
    told = ", ".join(f"{count} {_noun(level, count)}" for level, count in counts.items())
    return "\n".join([*lines, told])


def _noun(level: str, count: int) -> str:
    return level if level == "unchecked" or count == 1 else f"{level}s"


def _count(findings: list[Finding], level: str) -> int:
    return sum(finding.level == level for finding in findings)


def _last(session: Session) -> str | None:
    """The data of the last execution that succeeded, as `start` takes it by default."""
    sagemaker: Any = session.client("sagemaker")
    try:
        return find_last_data(sagemaker, session.settings.pipeline.name)
    except (ClientError, BotoCoreError):  # which the checks tell
        return None
