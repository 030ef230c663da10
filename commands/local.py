"""`local start|stop|status|env|reset|logs|advance|interrupt`: the embedded AWS as a process."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
from datetime import datetime, timezone
from pathlib import Path

from commands.output import emit
from commands.session import Session
from errors import BreedlineError
from local.clock import advance_clock
from local.connection import (
    ACCOUNT,
    ACCOUNTS,
    Connection,
    account_folder,
    account_folders,
    ensure_server,
    find_server,
    log_path,
    stop_server,
    unproxied,
)
from local.interruption import interrupt_job

LOG_LINES = 200


def local(session: Session, arguments: argparse.Namespace) -> int:
    """Perform the chosen action; returns the exit code."""
    if session.local_folder is None:
        raise BreedlineError(
            f"The environment '{session.settings.environment}' is on AWS; "
            "`local` commands work with --env local only."
        )
    if arguments.seconds is not None and arguments.action != "advance":
        raise BreedlineError(f"`local {arguments.action}` takes no seconds; `local advance` does.")
    actions = {
        "start": _start,
        "stop": _stop,
        "status": _status,
        "env": _environment,
        "reset": _reset,
        "logs": _logs,
        "advance": _advance,
        "interrupt": _interrupt,
    }
    folder = account_folder(session.local_folder, arguments.account or ACCOUNT)
    return actions[arguments.action](session, folder, arguments)


def _ensure(
    session: Session, folder: Path, arguments: argparse.Namespace
) -> tuple[Connection, bool]:
    region, account = session.settings.aws.region, arguments.account or ACCOUNT
    return ensure_server(folder, region, arguments.port, account)


def _start(session: Session, folder: Path, arguments: argparse.Namespace) -> int:
    connection, started = _ensure(session, folder, arguments)
    if arguments.port not in (0, connection.port):
        raise BreedlineError(
            f"The embedded AWS already runs on port {connection.port}; "
            "stop it first to move it to another port."
        )
    word = "Started" if started else "Already running:"
    emit(
        {"url": connection.url, "pid": connection.pid, "started": started},
        f"{word} the embedded AWS on {connection.url} (process {connection.pid}).",
        session.as_json,
    )
    return 0


def _stop(session: Session, folder: Path, arguments: argparse.Namespace) -> int:
    stopped = _stop_all(folder, arguments)
    text = "Stopped the embedded AWS." if stopped else "The embedded AWS was not running."
    emit({"stopped": stopped}, text, session.as_json)
    return 0


def _stop_all(folder: Path, arguments: argparse.Namespace) -> bool:
    """One account's server where one is named, else those of all accounts."""
    folders = [folder] if arguments.account else account_folders(folder)
    stopped = [stop_server(each) for each in folders]
    return any(stopped)


def _status(session: Session, folder: Path, arguments: argparse.Namespace) -> int:
    connection = find_server(folder)
    state = {"running": connection is not None, "folder": str(folder)}
    if connection is None:
        emit(state, f"Not running (state in {folder}).", session.as_json)
        return 1
    state |= {"url": connection.url, "pid": connection.pid, "region": connection.region}
    text = f"Running on {connection.url}, process {connection.pid}, state in {folder}."
    emit(state, text, session.as_json)
    return 0


def _reset(session: Session, folder: Path, arguments: argparse.Namespace) -> int:
    _stop_all(folder, arguments)
    if not folder.exists():
        emit({"removed": None}, f"There is nothing at {folder}.", session.as_json)
        return 0
    if not _is_ours(folder):
        raise BreedlineError(
            f"{folder} holds no state of the embedded AWS; it is not removed. "
            "Set BREEDLINE_LOCAL to the right folder."
        )
    _remove(folder)
    emit({"removed": str(folder)}, f"Removed {folder}.", session.as_json)
    return 0


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    try:
        if folder.exists():  # a process that was ending has written meanwhile, or it is not allowed
            shutil.rmtree(folder)
    except OSError as error:
        raise BreedlineError(
            f"{error.filename} cannot be removed ({error.strerror}); mend that and run "
            "`local reset` again."
        ) from error


def _is_ours(folder: Path) -> bool:
    """Guards the user against a mistyped BREEDLINE_LOCAL."""
    if not folder.is_dir():
        return False
    held = log_path(folder).exists() or (folder / ACCOUNTS).is_dir()
    return held or not any(folder.iterdir())


def _logs(session: Session, folder: Path, arguments: argparse.Namespace) -> int:
    path = log_path(folder)
    lines = path.read_text(errors="replace").splitlines()[-LOG_LINES:] if path.exists() else []
    emit({"path": str(path), "lines": lines}, "\n".join(lines), session.as_json)
    return 0


def _environment(session: Session, folder: Path, arguments: argparse.Namespace) -> int:
    """Shell exports for other tools: `eval "$(python definitions.py local env)"`."""
    connection, _ = _ensure(session, folder, arguments)
    variables = {**connection.environment(), **unproxied(os.environ)}
    text = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
    emit(variables, text, session.as_json)
    return 0


def _advance(session: Session, folder: Path, arguments: argparse.Namespace) -> int:
    """Put the clock of schedules forward, to see what a later hour does."""
    if arguments.seconds is None:
        raise BreedlineError(
            "`local advance` wants a number of seconds, as in `local advance 3600`."
        )
    connection = _running(folder)
    now = datetime.fromtimestamp(advance_clock(connection, arguments.seconds), tz=timezone.utc)
    text = f"Its schedules take it for {now:%Y-%m-%d %H:%M:%S} UTC now."
    emit({"now": now.isoformat()}, text, session.as_json)
    return 0


def _interrupt(session: Session, folder: Path, arguments: argparse.Namespace) -> int:
    """Take the instances of a spot training job away; it goes on when others are there."""
    if arguments.job is None:
        raise BreedlineError(
            "`local interrupt` wants the name of a training job, as in `local interrupt JOB`, or "
            "the id of an instance."
        )
    interrupt_job(_running(folder), arguments.job, arguments.away)
    text = (
        f"The instance {arguments.job} ends within two minutes; an equal training goes on from its "
        "checkpoint."
        if arguments.job.startswith("i-")
        else f"The instances of {arguments.job} end within two minutes; the job goes on from its "
        f"checkpoint. Follow it with: python definitions.py attach {arguments.job}"
    )
    emit({"job": arguments.job, "away_seconds": arguments.away}, text, session.as_json)
    return 0


def _running(folder: Path) -> Connection:
    connection = find_server(folder)
    if connection is None:
        raise BreedlineError("The embedded AWS is not running; `local start` starts it.")
    return connection
