"""The one road back, whatever failed: function, endpoint, scaling, and what was made.

It begins where the failure stood: `FindRoadBack` goes to the last thing that may have changed, and
from there backwards through all before it. Each part looks before it acts, and where a part fails
the others are restored all the same; the notification tells both failures. The machine ends Failed.
"""

from __future__ import annotations

from statemachine.asl import Expression, Rules
from statemachine.context import (
    FUNCTION,
    LOCKED,
    MADE,
    ROAD_BACK,
    SERVING,
    TAGGED,
    Context,
)
from statemachine.flow import Road
from statemachine.function import ONE_VERSION, delete_provisioned, put_provisioned
from statemachine.lock import release_lock, was_interrupted
from statemachine.names import ALIAS
from statemachine.restore_endpoint import restore_endpoint
from statemachine.telling import FAILED, tell
from statemachine.verification import tag

UNRESTORED = "unrestored"


def go_back(context: Context, *, rejects: bool) -> None:
    """All states of the road; `rejects` marks the package Rejected with the reason."""
    first = "RejectPackage" if rejects else "TellFailure"
    phases = (
        (TAGGED, "WasThereATag"),
        (FUNCTION, "HadAlias"),
        (SERVING, "CheckWayBack"),
        (MADE, "WasConfigMade"),
        (LOCKED, first),
    )
    # What was taken over may have changed everything before this execution changed anything.
    inherited = Rules.And([was_interrupted(), Rules.IsPresent("$before.exists", True)])
    context.flow.choice(
        ROAD_BACK,
        [
            (inherited, "WasThereATag"),
            *(
                (Rules.NumericGreaterThanEquals("$failure.phase", least), at)
                for least, at in phases
            ),
        ],
        default="TellFailure",
    )
    first_one = Rules.BooleanEquals("$before.exists", False)
    context.flow.choice("WasThereATag", [(first_one, "HadAlias")], default="RestoreTag")
    with _going_on_at(context, "HadAlias"):
        tag(
            context,
            "RestoreTag",
            Expression("States.Format('{}', $before.version)"),
            next="HadAlias",
        )
    with _going_on_at(context, "CheckWayBack"):
        _restore_function(context)
    restore_endpoint(context, next="WasConfigMade")
    with _going_on_at(context, first):
        _remove_made(context, first)
    if rejects:
        _reject(context)
    _end(context)


def _going_on_at(context: Context, entry: str):  # type: ignore[no-untyped-def]
    return context.flow.failing(Road(entry, told=UNRESTORED))


def _restore_function(context: Context) -> None:
    flow, live = context.flow, {"FunctionName": context.names.predict}
    no_alias = Rules.StringEquals("$before.alias", "")
    flow.choice("HadAlias", [(no_alias, "RemoveProvisioned")], default="MoveAliasBack")
    delete_provisioned(context, "RemoveProvisioned", next="RemoveAlias")
    flow.task(
        "RemoveAlias",
        "lambda:deleteAlias",
        {**live, "Name": ALIAS},
        next="RestoreDescription",
    )
    back = {**live, "Name": ALIAS, "FunctionVersion": Expression("$before.alias")}
    flow.task(
        "MoveAliasBack",
        "lambda:updateAlias",
        {**back, "RoutingConfig": ONE_VERSION},
        next="WasWarm",
    )
    warm = Rules.NumericGreaterThanEquals("$before.provisioned", 1)
    flow.choice("WasWarm", [(warm, "WarmBack")], default="CoolBack")
    put_provisioned(
        context, "WarmBack", Expression("$before.provisioned"), next="RestoreDescription"
    )
    delete_provisioned(context, "CoolBack", next="RestoreDescription")
    flow.task(
        "RestoreDescription",
        "lambda:updateFunctionConfiguration",
        {**live, "Description": Expression("$before.description")},
        next="WasVersionPublished",
    )
    kept = Rules.Or(
        [
            # Without a version, Lambda would delete the whole function.
            Rules.StringEquals("$function_version", ""),
            Rules.StringEqualsPath("$function_version", "$before.alias"),
        ]
    )
    flow.choice("WasVersionPublished", [(kept, "CheckWayBack")], default="RemoveVersion")
    flow.task(
        "RemoveVersion",
        "lambda:deleteFunction",
        {**live, "Qualifier": Expression("$function_version")},
        next="CheckWayBack",
    )


def _remove_made(context: Context, following: str) -> None:
    """The model and its configuration, unless the endpoint may still need them."""
    flow = context.flow
    needed = Rules.BooleanEquals("$stuck", True)
    made_config = Rules.BooleanEquals("$made_config", True)
    made_model = Rules.BooleanEquals("$made_model", True)
    flow.choice(
        "WasConfigMade",
        [(needed, following), (made_config, "RemoveConfig")],
        default="WasModelMade",
    )
    flow.task(
        "RemoveConfig",
        "sagemaker:deleteEndpointConfig",
        {"EndpointConfigName": Expression("$package.name")},
        next="WasModelMade",
    )
    flow.choice("WasModelMade", [(made_model, "RemoveModel")], default=following)
    flow.task(
        "RemoveModel",
        "sagemaker:deleteModel",
        {"ModelName": Expression("$package.name")},
        next=following,
    )


def _reject(context: Context) -> None:
    """Mark the package; a reason over SageMaker's 1,024 characters is left to the message."""
    texts = {
        "RejectPackage": "'{} failed: {}: {}', $failure.state, $failure.error, $failure.cause",
        "RejectBriefly": "'{} failed: {}', $failure.state, $failure.error",
    }
    following = {"RejectPackage": "RejectBriefly", "RejectBriefly": "TellFailure"}
    for name, text in texts.items():
        road = Road(following[name], told=UNRESTORED)
        with context.flow.failing(road):
            reject(context, name, Expression("$package.arn"), text, next="TellFailure")


def reject(context: Context, name: str, arn: Expression, text: str, *, next: str) -> None:
    """UpdateModelPackage; `text` is the arguments of States.Format."""
    context.flow.task(
        name,
        "sagemaker:updateModelPackage",
        {
            "ModelPackageArn": arn,
            "ModelApprovalStatus": "Rejected",
            "ApprovalDescription": Expression(f"States.Format({text})"),
        },
        next=next,
    )


def _end(context: Context) -> None:
    failed = f"{context.noun}Failed"
    release = "MayReleaseAfterFailure"
    with _going_on_at(context, release):
        tell(context, "TellFailure", failed, FAILED, next=release)
    with _going_on_at(context, failed):
        release_lock(context, "ReleaseAfterFailure", entry=release, next=failed)
    facts = "$failure.state, $failure.error, $failure.cause"
    sentence = f"States.Format('The state {{}} failed with {{}}: {{}}', {facts})"
    context.flow.fail(failed, Expression("$failure.error"), Expression(sentence))
