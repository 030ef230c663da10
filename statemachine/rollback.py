"""The state machine that goes back to an earlier version, on request.

It ends where a deployment of that version would end, in the same states, with two differences: the
alarms do not guard it, since they may be ringing about the version that it leaves; and the version
that it leaves is marked Rejected.
"""

from __future__ import annotations

from typing import Any

from settings import Settings
from statemachine.asl import Expression, Rules
from statemachine.context import LOCKED, VARIABLES, Context, failing, merged
from statemachine.deploy import deploying, release_or_tell, serve_package
from statemachine.flow import Road
from statemachine.live import look_at_endpoint
from statemachine.lock import acquire_lock
from statemachine.package import read_package
from statemachine.restore import go_back, reject
from statemachine.snapshot import note_road_back
from statemachine.telling import report, tell

REQUEST = {"to_version": None, "reason": "no reason was given"}


def compile_rollback(settings: Settings) -> dict[str, Any]:
    """The document of Amazon States Language."""
    context = deploying(settings, "Rollback")
    _read_request(context)
    acquire_lock(context, next="DescribeEndpoint", twin=None)
    look_at_endpoint(context, found="WhichVersion", missing="NothingIsLive")
    _choose(context)
    _walk(context)
    arn = _package_arn(context, "$candidate")
    with context.flow.failing(context.road(LOCKED)):
        read_package(context, "Target", arn, next="IsTargetApproved")
    _check(context)
    note_road_back(context, next="CreateModel")
    serve_package(context, guarded=False, next="IsLiveKnown")
    _succeed(context)
    go_back(context, rejects=False)
    comment = f"Takes the endpoint {context.names.endpoint} back to an earlier version"
    return context.flow.definition("Begin", comment, context.patience.machine_seconds)


def _read_request(context: Context) -> None:
    further = {"request": REQUEST, "candidate": 0, "candidates": [], "index": 0, "rejected": False}
    context.flow.pass_("Begin", assign={**VARIABLES, **further}, next="ReadRequest")
    given = merged("$request", "$$.Execution.Input")
    context.flow.pass_("ReadRequest", assign={"request": given}, next="AcquireLock")


def _choose(context: Context) -> None:
    """The version that was asked for, which must be earlier; else the one before the live one."""
    flow = context.flow
    asked, live = "$request.to_version", "$live"
    flow.choice(
        "WhichVersion",
        [
            (Rules.IsNull(asked, True), "ListApproved"),
            (Rules.IsNumeric(asked, True), "IsItEarlier"),
        ],
        default="UnreadableVersion",
    )
    unreadable = f"'to_version is {{}}; a version is a number', States.JsonToString({asked})"
    _refuse(context, "UnreadableVersion", unreadable)
    flow.choice(
        "IsItEarlier",
        [
            (Rules.NumericEqualsPath(asked, live), "SeeItIsLive"),
            (Rules.NumericLessThanPath(asked, live), "TakeGiven"),
        ],
        default="NotEarlier",
    )
    flow.pass_("TakeGiven", assign={"candidate": Expression(asked)}, next="DescribeTarget")
    flow.pass_("SeeItIsLive", assign={"outcome": "AlreadyLive"}, next="MayRelease")
    _refuse(
        context, "NotEarlier", f"'Version {{}} is not older than the live {{}}', {asked}, {live}"
    )
    _refuse(context, "NothingIsLive", "'There is no endpoint to take back: {}', $failure.cause")


def _walk(context: Context) -> None:
    """Through the approved versions, newest first, to the first one below the live one."""
    flow = context.flow
    with flow.failing(context.road(LOCKED)):
        flow.task(
            "ListApproved",
            "sagemaker:listModelPackages",
            {
                "ModelPackageGroupName": context.settings.pipeline.model_package_group,
                "ModelApprovalStatus": "Approved",
                "SortBy": "CreationTime",
                "SortOrder": "Descending",
                "MaxResults": 100,
            },
            assign={"candidates": Expression("$.ModelPackageSummaryList[*].ModelPackageVersion")},
            next="AreThereMore",
        )
    length = Expression("States.ArrayLength($candidates)")
    flow.pass_("AreThereMore", output={"count": length}, next="IsThereOne")
    more = Rules.NumericGreaterThanPath("$.count", "$index")
    flow.choice("IsThereOne", [(more, "TakeNext")], default="NoEarlierVersion")
    flow.pass_(
        "TakeNext",
        assign={
            "candidate": Expression("States.ArrayGetItem($candidates, $index)"),
            "index": Expression("States.MathAdd($index, 1)"),
        },
        next="IsItBelow",
    )
    below = Rules.NumericLessThanPath("$candidate", "$live")
    flow.choice("IsItBelow", [(below, "DescribeTarget")], default="AreThereMore")
    _refuse(context, "NoEarlierVersion", "'No approved version is older than the live {}', $live")


def _check(context: Context) -> None:
    approved = Rules.StringEquals("$package.status", "Approved")
    context.flow.choice(
        "IsTargetApproved", [(approved, "WasInterrupted")], default="TargetNotApproved"
    )
    text = "'Version {} is {}: approve it first', $package.version, $package.status"
    _refuse(context, "TargetNotApproved", text)


def _refuse(context: Context, name: str, text: str) -> None:
    context.flow.pass_(
        name,
        assign=failing(name, LOCKED, name, Expression(f"States.Format({text})")),
        next=context.road(LOCKED).entry,
    )


def _succeed(context: Context) -> None:
    flow = context.flow
    known = Rules.NumericGreaterThanEquals("$live", 1)
    flow.choice("IsLiveKnown", [(known, "RejectLive")], default="TellRolledBack")
    text = "'Rolled back to version {}: {}', $package.version, $request.reason"
    brief = "'Rolled back to version {}', $package.version"
    # The rollback stands also where the mark cannot be set, which the message says, and where the
    # message cannot be sent, which the output says.
    for name, words, road in (
        ("RejectLive", text, "RejectLiveBriefly"),
        ("RejectLiveBriefly", brief, "TellRolledBack"),
    ):
        with flow.failing(Road(road, told="seen")):
            reject(context, name, _package_arn(context, "$live"), words, next="SeeItIsRejected")
    flow.pass_("SeeItIsRejected", assign={"rejected": True}, next="TellRolledBack")
    facts = {
        "from_version": Expression("$live"),
        "rejected": Expression("$rejected"),
        "reason": Expression("$request.reason"),
        "smoke_tests": Expression("$smoke"),
    }
    with flow.failing(Road("SeeItIsDone", told="seen")):
        tell(context, "TellRolledBack", "RolledBack", facts, next="SeeItIsDone")
    flow.pass_("SeeItIsDone", assign={"outcome": "RolledBack"}, next="MayRelease")
    release_or_tell(context, next="WhatCameOfIt")
    done = Rules.StringEquals("$outcome", "RolledBack")
    flow.choice("WhatCameOfIt", [(done, "RolledBack")], default="AlreadyLive")
    facts_of = {
        "RolledBack": ("version", "endpoint_config", "function_version", "smoke_tests"),
        "AlreadyLive": ("live_version", "endpoint_config"),
    }
    for outcome, names in facts_of.items():
        flow.pass_(outcome, output={"outcome": outcome, **report(context, *names)}, next=None)


def _package_arn(context: Context, version: str) -> Expression:
    group = context.settings.pipeline.model_package_group
    form = context.names.arn("sagemaker", f"model-package/{group}/{{}}")
    return Expression(f"States.Format('{form}', {version})")
