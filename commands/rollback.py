"""`rollback`: back to an earlier version, by the state machine that does it."""

from __future__ import annotations

import argparse
import json

from commands.deployments import describe_deployment
from commands.following import follow_deployment, require_machine
from commands.output import emit
from commands.registry import choose_package
from commands.session import Session


def rollback(session: Session, arguments: argparse.Namespace) -> int:
    """Go back to a version (the one before the live one by default) and follow the way there."""
    machine = require_machine(session, "rollback")
    if arguments.to is not None:
        choose_package(session, arguments.to)
    request = {"to_version": arguments.to, "reason": arguments.reason}
    started = session.client("stepfunctions").start_execution(
        stateMachineArn=machine, input=json.dumps(request)
    )
    deployment = follow_deployment(session, started["executionArn"])
    emit(deployment, describe_deployment(deployment), session.as_json)
    return 0 if deployment["status"] == "SUCCEEDED" else 1
