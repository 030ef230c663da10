"""`approve`: the decision about a model package, and the deployment that it starts."""

from __future__ import annotations

import argparse

from commands.deployments import describe_deployment
from commands.following import (
    await_deployment,
    deployments_so_far,
    follow_deployment,
    require_machine,
)
from commands.output import emit, say
from commands.registry import choose_package, decide
from commands.session import Session
from errors import BreedlineError


def approve(session: Session, arguments: argparse.Namespace) -> int:
    """Approve (or reject) a version: the one named, or the newest that is pending.

    With --wait, follow the deployment that the approval's event starts and fail when it fails.
    """
    if arguments.wait:
        _check_waiting(session, arguments)
    package = choose_package(session, arguments.version)
    decision = "Rejected" if arguments.reject else "Approved"
    if arguments.wait and package["approval"] == decision:
        raise BreedlineError(
            f"Version {package['version']} is Approved already, so that no event begins a "
            f"deployment; go back to it with `rollback --to {package['version']}`, or `approve "
            f"{package['version']} --reject` it first and approve it anew."
        )
    before = deployments_so_far(session) if arguments.wait else set()
    decide(session, package["arn"], decision, arguments.reason)
    result = package | {"approval": decision}
    text = f"Version {package['version']} is {decision}: {package['arn']}"
    if not arguments.wait:
        emit(result, text, session.as_json)
        return 0
    say(text)
    deployment = follow_deployment(session, await_deployment(session, package["arn"], before))
    emit(result | {"deployment": deployment}, describe_deployment(deployment), session.as_json)
    return 0 if deployment["status"] == "SUCCEEDED" else 1


def _check_waiting(session: Session, arguments: argparse.Namespace) -> None:
    """There is something to wait for, or one sentence says why not."""
    if arguments.reject:
        raise BreedlineError(
            "--wait follows a deployment, and --reject starts none; leave one out."
        )
    if not session.settings.triggers.deploy_on_approval:
        raise BreedlineError(
            f"The environment '{session.settings.environment}' sets triggers.deploy_on_approval "
            "to false, so that no deployment begins by itself; leave --wait out."
        )
    require_machine(session, "deploy")
