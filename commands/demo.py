"""`demo`: from a folder of photos to a registered model, in one command."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from commands.definition import apply_definition
from commands.execution import follow, parse_parameters, start_execution
from commands.executions import describe
from commands.output import emit, say
from commands.registry import read_object, read_package
from commands.session import Session
from errors import BreedlineError
from provision.data import folder_digest, sync_folder

PLOTS = ("confusion_matrix.png", "reliability.png", "worst_mistakes.png")


def demo(session: Session, arguments: argparse.Namespace) -> int:
    """Data, upsert, start, wait, and what came of it; exit 1 when the pipeline fails."""
    started = time.monotonic()
    folder = arguments.data or draw_samples(session)
    parameters = parse_parameters(arguments.param)
    if not folder.is_dir():
        raise BreedlineError(f"--data {folder} is not a folder; name one that holds class folders.")
    apply_definition(session)
    parameters.setdefault("InputDataUri", upload(session, folder))
    execution = follow(session, start_execution(session, parameters))
    package = registered_package(session, execution)
    result = {
        "pipeline": execution,
        "model_package": package,
        "plots": save_plots(session, package) if package else [],
        "seconds": round(time.monotonic() - started, 1),
    }
    emit(result, describe_result(result), session.as_json)
    return 0 if execution["status"] == "Succeeded" else 1


def draw_samples(session: Session) -> Path:
    """The project's own sample data set, drawn once."""
    from sample_data import draw

    folder = (session.local_folder or Path.cwd()) / "sample"
    say(f"Sample data  {folder}")
    draw(folder)
    return folder


def upload(session: Session, folder: Path) -> str:
    """Copy what is new in `folder` to the bucket; returns its S3 URI, which names the content."""
    prefix = f"data/{folder.resolve().name}-{folder_digest(folder)[:12]}"
    report = sync_folder(session.client("s3"), folder, session.settings.bucket, prefix)
    say(f"Data         {report} → s3://{session.settings.bucket}/{prefix}")
    return f"s3://{session.settings.bucket}/{prefix}"


def registered_package(session: Session, execution: dict[str, Any]) -> dict[str, Any] | None:
    """The model package that the execution registered, or None."""
    arns = [s["arn"] for s in execution["steps"] if s["type"] == "RegisterModel" and s["arn"]]
    return read_package(session, arns[0]) if arns else None


def save_plots(session: Session, package: dict[str, Any]) -> list[str]:
    """Fetch the evaluation's plots; returns their paths."""
    target = (session.local_folder or Path.cwd()) / "demo" / f"version-{package['version']}"
    target.mkdir(parents=True, exist_ok=True)
    base = package["evaluation_uri"].rpartition("/")[0]
    for name in PLOTS:
        (target / name).write_bytes(read_object(session, f"{base}/plots/{name}"))
    return [str(target / name) for name in PLOTS]


def describe_result(result: dict[str, Any]) -> str:
    """The demo's result as text."""
    lines = [describe(result["pipeline"])]
    if package := result["model_package"]:
        figures = "\n".join(
            f"  {name:<28}{value:.4g}" for name, value in package["metrics"].items()
        )
        lines.append(
            f"\nModel package version {package['version']} is {package['approval']}\n"
            f"  {package['arn']}\n{figures}\n\nPlots\n  " + "\n  ".join(result["plots"])
        )
    return "\n".join([*lines, f"\n{result['seconds']} s in all"])
