"""`promote`: an approved version of one environment into another, where it waits for approval."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Any

import settings
from commands.deployments import describe_deployment
from commands.following import follow_deployment, require_machine
from commands.output import emit, say
from commands.registry import choose_package, list_packages
from commands.session import Session
from errors import BreedlineError
from settings import Settings
from statemachine.promotion import MACHINE, source_arn

WAYS = ("account", "group", "bucket", "region")


def promote(session: Session, arguments: argparse.Namespace) -> int:
    """Promote a version (the newest approved one by default), and follow it until it waits there.

    The credentials are those of the other environment's account, whose state machine does it.
    """
    target = settings.load(arguments.to, arguments.settings or settings.ENVIRONMENTS)
    check_partners(session.settings, target)
    version = _choose(session, arguments.version, target)
    there = dataclasses.replace(session, settings=target, _clients={})
    machine = require_machine(there, MACHINE)
    request = {"model_package_arn": source_arn(target, version)}
    started = there.client("stepfunctions").start_execution(
        stateMachineArn=machine, input=json.dumps(request)
    )
    say(f"Promoting version {version} of '{session.settings.environment}' to '{arguments.to}'.")
    promotion = follow_deployment(there, started["executionArn"])
    emit(promotion, _describe(promotion, arguments.to), session.as_json)
    return 0 if promotion["status"] == "SUCCEEDED" else 1


def check_partners(source: Settings, target: Settings) -> None:
    """The target's settings name the source, or one sentence says how they differ."""
    given, remedy = target.promotion, "set promotion.from_account, from_group and from_bucket"
    if not given.from_account:
        raise BreedlineError(
            f"The environment '{target.environment}' takes no other's versions: {remedy} there."
        )
    named = (given.from_account, given.from_group, given.from_bucket, target.aws.region)
    asked = (
        source.aws.account_id,
        source.pipeline.model_package_group,
        source.bucket,
        source.aws.region,
    )
    differing = [
        f"{way} '{theirs}' where '{source.environment}' has '{ours}'"
        for way, theirs, ours in zip(WAYS, named, asked, strict=True)
        if theirs != ours
    ]
    if differing:
        raise BreedlineError(
            f"The environment '{target.environment}' takes from the {'; the '.join(differing)}: "
            f"{remedy} there; the region must be the same."
        )


def _choose(session: Session, version: int | None, target: Settings) -> int:
    """The version; of another account's, which cannot be listed from here, the one named."""
    if session.settings.aws.account_id != target.aws.account_id:
        if version is None:
            raise BreedlineError(
                f"'{session.settings.environment}' is in the account "
                f"{session.settings.aws.account_id}, whose versions are not listed for "
                f"{target.aws.account_id}: name the VERSION."
            )
        return version
    if version is None:
        approved = [p for p in list_packages(session) if p["approval"] == "Approved"]
        if not approved:
            raise BreedlineError(
                f"No version of '{session.settings.environment}' is Approved: approve one first."
            )
        return int(approved[0]["version"])
    package = choose_package(session, version)
    if package["approval"] != "Approved":
        raise BreedlineError(
            f"Version {version} is {package['approval']}, and only what is Approved in "
            f"'{session.settings.environment}' is promoted: approve it there first."
        )
    return version


def _describe(promotion: dict[str, Any], environment: str) -> str:
    arn = promotion["output"].get("model_package_arn", "")
    if not arn:
        return describe_deployment(promotion)
    version = arn.rpartition("/")[2]
    if promotion["output"]["outcome"] == "AlreadyPromoted":
        return f"It is in '{environment}' already, as version {version}: {arn}"
    return f"Version {version} waits for approval in '{environment}': {arn}"
