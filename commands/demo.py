"""`demo`: from a folder of data to an endpoint that answers, in one command."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from commands.definition import apply_definition
from commands.deployments import describe_end
from commands.endpoint import describe_endpoint, read_endpoint
from commands.execution import follow, parse_parameters, start_execution
from commands.executions import describe
from commands.following import await_deployment, deployments_so_far, follow_deployment
from commands.images import IMAGES as IMAGE_USAGE
from commands.output import emit, say
from commands.predict import ask, describe_answer
from commands.registry import decide, read_object, read_package
from commands.session import Session
from commands.usage import Usage
from errors import BreedlineError
from provision.data import folder_digest, sync_folder
from settings.workload import IMAGES
from workloads import workload_of

NOT_DEPLOYED = {"deployment": None, "endpoint": None, "smoke_tests": None, "prediction": None}


def demo(session: Session, arguments: argparse.Namespace) -> int:
    """Data, upsert, start, wait, approve, deploy, ask; exit 1 when one of them fails."""
    started = time.monotonic()
    folder = arguments.data or draw_samples(session)
    parameters = parse_parameters(arguments.param)
    if not folder.is_dir():
        holds = workload_of(session.settings).usage.data
        raise BreedlineError(f"--data {folder} is not a folder; name one that holds {holds}.")
    apply_definition(session)
    parameters.setdefault("InputDataUri", upload(session, folder))
    execution = follow(session, start_execution(session, parameters))
    package = registered_package(session, execution)
    served = deploy(session, package) if package else NOT_DEPLOYED
    result = {
        "pipeline": execution,
        "model_package": read_package(session, package["arn"]) if package else None,
        "plots": save_plots(session, package) if package else [],
        **served,
        "seconds": round(time.monotonic() - started, 1),
    }
    usage = workload_of(session.settings).usage
    emit(result, describe_result(result, usage), session.as_json)
    return 0 if _is_well(result, usage) else 1


def _is_well(result: dict[str, Any], usage: Usage) -> bool:
    """Deployed, and answered where there was something to ask about."""
    deployment, prediction = result["deployment"], result["prediction"]
    deployed = bool(deployment) and deployment["status"] == "SUCCEEDED"
    return deployed and (prediction is None or usage.answered in prediction)


def deploy(session: Session, package: dict[str, Any]) -> dict[str, Any]:
    """Approve a package, follow the deployment that the event starts, and ask the function."""
    before = deployments_so_far(session)
    decide(session, package["arn"], "Approved")
    say(f"Approved     version {package['version']}")
    deployment = follow_deployment(session, await_deployment(session, package["arn"], before))
    smoke = deployment["output"].get("smoke_tests") or {"passed": 0, "failed": 0}
    deployed = deployment["status"] == "SUCCEEDED"
    return {
        "deployment": deployment,
        "endpoint": read_endpoint(session),
        "smoke_tests": {"passed": smoke["passed"], "failed": smoke["failed"]},
        "prediction": ask_about_a_sample(session, package) if deployed else None,
    }


def ask_about_a_sample(session: Session, package: dict[str, Any]) -> dict[str, Any] | None:
    """Something of the test split, and the function's answer to it: {image, is, label, …}.

    None where nothing was kept, such as of a model that got no image right.
    """
    usage = workload_of(session.settings).usage
    samples = package["evaluation_uri"].rpartition("/")[0] + "/samples"
    listed = json.loads(read_object(session, f"{samples}/samples.json"))
    kept = usage.kept(listed, lambda name: read_object(session, f"{samples}/{name}"))
    known = next(kept, None)
    if known is None:
        return None
    return {**known.facts, **ask(session, usage.question(known.name, known.content))}


def draw_samples(session: Session) -> Path:
    """The project's own sample data set, drawn once."""
    name = "sample" if session.settings.workload.kind == IMAGES else "sample-table"
    folder = (session.local_folder or Path.cwd()) / name
    say(f"Sample data  {folder}")
    workload_of(session.settings).usage.draw(folder)
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
    plots = workload_of(session.settings).usage.plots
    base = package["evaluation_uri"].rpartition("/")[0]
    for name in plots:
        target.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(read_object(session, f"{base}/plots/{name}"))
    return [str(target / name) for name in plots]


def describe_result(result: dict[str, Any], usage: Usage = IMAGE_USAGE) -> str:
    """The demo's result as text."""
    lines = [describe(result["pipeline"])]
    if package := result["model_package"]:
        figures = "\n".join(
            f"  {name:<28}{value:.4g}" for name, value in package["metrics"].items()
        )
        lines.append(
            f"\nModel package version {package['version']} is {package['approval']}\n"
            f"  {package['arn']}\n{figures}"
        )
        if result["plots"]:
            lines.append("\nPlots\n  " + "\n  ".join(result["plots"]))
    if result["deployment"]:
        lines += ["", *describe_serving(result, usage)]
    return "\n".join([*lines, f"\n{result['seconds']} s in all"])


def describe_serving(result: dict[str, Any], usage: Usage) -> list[str]:
    """What was deployed, tested and answered, a line each."""
    smoke, prediction = result["smoke_tests"], result["prediction"]
    lines = [
        *describe_end(result["deployment"]),
        describe_endpoint(result["endpoint"]),
        f"Smoke tests: {smoke['passed']} passed, {smoke['failed']} failed",
    ]
    if prediction:
        lines.append(f"{usage.introduced(prediction)}: {describe_answer(prediction, usage)}")
    return lines
