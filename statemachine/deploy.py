"""The state machine that deploys an approved model package.

    package → lock → endpoint as it is → road back noted → model, configuration, endpoint
            → scaling → function → smoke tests → tag → notification → lock released

Every delivery of the same event after the first finds the work under way or done. Whatever fails
leads to `FindRoadBack`.
"""

from __future__ import annotations

from typing import Any

from settings import Settings, partition_of
from statemachine.asl import Expression, Rules
from statemachine.context import (
    LOCKED,
    OUTSIDE,
    ROAD_BACK,
    TAGGED,
    VARIABLES,
    Context,
    failing,
)
from statemachine.flow import Flow, Road
from statemachine.function import publish_function
from statemachine.live import look_at_endpoint
from statemachine.lock import acquire_lock, release_lock
from statemachine.package import check_group, read_package
from statemachine.restore import go_back
from statemachine.rollout import roll_out
from statemachine.scaling import scale
from statemachine.snapshot import note_road_back
from statemachine.telling import report, tell
from statemachine.verification import verify

# How an execution can end well -> what it then says beside the package and the endpoint.
OUTCOMES: dict[str, tuple[str, ...]] = {
    "Deployed": ("version", "endpoint_config", "function_version", "smoke_tests"),
    "AlreadyLive": ("version", "endpoint_config"),
    "AlreadyDeploying": ("version",),
    "Superseded": ("version", "live_version", "hint"),
    "NotApproved": ("version",),
}
ARN = Expression("$$.Execution.Input.model_package_arn")


def deploying(settings: Settings, noun: str) -> Context:
    """A new machine that deploys; all its failures begin outside the lock."""
    flow = Flow(partition_of(settings.aws.region), Road(ROAD_BACK, OUTSIDE))
    return Context(settings, flow, noun)


def compile_deploy(settings: Settings) -> dict[str, Any]:
    """The document of Amazon States Language."""
    context = deploying(settings, "Deployment")
    context.flow.pass_("Begin", assign=VARIABLES, next="IsPackageNamed")
    _check_input(context, next="DescribePackage")
    read_package(context, "Package", ARN, next="IsApproved")
    check_group(context, next="AcquireLock", unapproved="NotApproved")
    acquire_lock(context, next="DescribeEndpoint", twin="AlreadyDeploying")
    look_at_endpoint(context, found="IsNewer", missing="WasInterrupted")
    _compare(context)
    note_road_back(context, next="CreateModel")
    serve_package(context, guarded=True, next="TellSuccess")
    _succeed(context)
    go_back(context, rejects=True)
    comment = f"Deploys an approved model package to the endpoint {context.names.endpoint}"
    return context.flow.definition("Begin", comment, context.patience.machine_seconds)


def _check_input(context: Context, *, next: str) -> None:
    """A path that leads nowhere would end the execution without a road back."""
    named = Rules.And([Rules.IsPresent(ARN, True), Rules.IsString(ARN, True)])
    context.flow.choice("IsPackageNamed", [(named, next)], default="NoPackageNamed")
    cause = 'The input names no package; it is {"model_package_arn": "arn:…"}'
    context.flow.pass_(
        "NoPackageNamed",
        assign=failing("IsPackageNamed", OUTSIDE, "NoPackageNamed", cause),
        next=context.road(OUTSIDE).entry,
    )


def serve_package(context: Context, *, guarded: bool, next: str) -> None:
    """From CreateModel to the tagged endpoint; then `next`."""
    after = "Scale" if context.scales else "UpdateFunction"
    roll_out(context, guarded=guarded, next=after)
    if context.scales:
        scale(context, entry="Scale", next="UpdateFunction")
    publish_function(context, entry="UpdateFunction", next="SmokeTest")
    verify(context, entry="SmokeTest", next=next)


def _compare(context: Context) -> None:
    """The wanted version against the one that is live."""
    done = Rules.And(
        [
            # What an execution left that did not reach its end is done again.
            Rules.BooleanEquals("$taken_over", False),
            Rules.StringEqualsPath("$now.config", "$package.name"),
        ]
    )
    older = Rules.NumericGreaterThanPath("$live", "$package.version")
    context.flow.choice(
        "IsNewer",
        [(done, "SeeItIsLive"), (older, "TellSuperseded")],
        default="WasInterrupted",
    )
    context.flow.pass_("SeeItIsLive", assign={"outcome": "AlreadyLive"}, next="MayRelease")
    with context.flow.failing(context.road(LOCKED)):
        facts = {"live_version": Expression("$live")}
        tell(context, "TellSuperseded", "Superseded", facts, next="SeeItIsOlder")
    context.flow.pass_("SeeItIsOlder", assign={"outcome": "Superseded"}, next="MayRelease")


def _succeed(context: Context) -> None:
    flow = context.flow
    with flow.failing(context.road(TAGGED)):
        facts = {"smoke_tests": Expression("$smoke"), "endpoint_config": Expression("$now.config")}
        tell(context, "TellSuccess", "Deployed", facts, next="SeeItIsDeployed")
    flow.pass_("SeeItIsDeployed", assign={"outcome": "Deployed"}, next="MayRelease")
    release_or_tell(context, next="WhatCameOfIt")
    early = [(Rules.StringEquals("$outcome", end), end) for end in ("AlreadyLive", "Superseded")]
    flow.choice("WhatCameOfIt", early, default="Deployed")
    for outcome, known in OUTCOMES.items():
        output = {"outcome": outcome, **report(context, *known)}
        flow.pass_(outcome, output=output, next=None)


def release_or_tell(context: Context, *, next: str) -> None:
    """Release the lock at a good end.

    What is deployed stands even if that fails: the next deployment sees that nobody holds the lock.
    """
    flow = context.flow
    with flow.failing(Road("TellLockIsKept", OUTSIDE)):
        release_lock(context, "ReleaseLock", entry="MayRelease", next=next)
    kept = {key: Expression(f"$failure.{key}") for key in ("state", "error", "cause")}
    with flow.failing(Road(next, told="seen")):
        tell(context, "TellLockIsKept", "LockIsKept", kept, next=next)
