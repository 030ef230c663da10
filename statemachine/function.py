"""The function in front: a version of its own for the model, behind the alias, kept warm."""

from __future__ import annotations

from typing import Any

from statemachine.asl import Expression, Rules
from statemachine.context import FUNCTION, Context, failing, merged
from statemachine.names import ALIAS
from statemachine.retries import NO_PROVISIONED, NO_SUCH_FUNCTION

ONE_VERSION: dict[str, Any] = {
    "AdditionalVersionWeights": {}
}  # an alias may spread its calls over two


def publish_function(context: Context, *, entry: str, next: str) -> None:
    """Publish a version for the package, move the alias to it, warm it; begins at `entry`."""
    flow, live = context.flow, {"FunctionName": context.names.predict}
    text = Expression("States.Format('Answers with model version {}', $package.version)")
    with flow.failing(context.road(FUNCTION)):
        flow.task(
            entry,
            "lambda:updateFunctionConfiguration",
            {**live, "Description": text},
            next="CheckFunction",
        )
        _await_function(context)
        flow.task(
            "PublishVersion",
            "lambda:publishVersion",
            live,
            assign={"function_version": Expression("$.Version")},
            next="MoveAlias",
        )
        alias = {**live, "Name": ALIAS, "FunctionVersion": Expression("$function_version")}
        warm = "PutProvisioned" if _warm(context) else "DeleteProvisioned"
        flow.task(
            "MoveAlias",
            "lambda:updateAlias",
            {**alias, "RoutingConfig": ONE_VERSION},
            expect={NO_SUCH_FUNCTION: "CreateAlias"},
            next=warm,
        )
        flow.task("CreateAlias", "lambda:createAlias", alias, next=warm)
        if _warm(context):
            put_provisioned(context, warm, _warm(context), next="CheckProvisioned")
            _await_provisioned(context, next)
        else:
            delete_provisioned(context, warm, next=next)


def put_provisioned(context: Context, name: str, count: int | Expression, *, next: str) -> None:
    """Keep `count` environments ready behind the alias."""
    context.flow.task(
        name,
        "lambda:putProvisionedConcurrencyConfig",
        {**_alias(context), "ProvisionedConcurrentExecutions": count},
        next=next,
    )


def delete_provisioned(context: Context, name: str, *, next: str) -> None:
    """Keep none ready: they cost money while they stand."""
    context.flow.task(
        name,
        "lambda:deleteProvisionedConcurrencyConfig",
        _alias(context),
        expect={NO_PROVISIONED: next, NO_SUCH_FUNCTION: next},
        next=next,
    )


def _await_function(context: Context) -> None:
    flow = context.flow
    flow.task(
        "CheckFunction",
        "lambda:getFunctionConfiguration",
        {"FunctionName": context.names.predict},
        assign={"told": merged("$silent")},
        next="SeeFunction",
    )
    seen = {
        "status": Expression("$told.LastUpdateStatus"),
        "reason": Expression("$told.LastUpdateStatusReason"),
    }
    flow.pass_("SeeFunction", assign={"function": seen, "told": {}}, next="IsFunctionReady")
    flow.choice(
        "IsFunctionReady",
        [
            (Rules.StringEquals("$function.status", "Successful"), "PublishVersion"),
            (Rules.StringEquals("$function.status", "InProgress"), "AwaitFunction"),
        ],
        default="FunctionIsNotReady",
    )
    flow.wait(
        "AwaitFunction",
        context.patience.function,
        count="function_looks",
        next="CheckFunction",
        too_long="FunctionIsNotReady",
    )
    cause = Expression("States.Format('Its update is {}: {}', $function.status, $function.reason)")
    _give_up(context, "FunctionIsNotReady", "CheckFunction", cause)


def _await_provisioned(context: Context, following: str) -> None:
    flow = context.flow
    flow.task(
        "CheckProvisioned",
        "lambda:getProvisionedConcurrencyConfig",
        _alias(context),
        assign={"told": merged("$silent")},
        next="SeeProvisioned",
    )
    seen = {
        "status": Expression("$told.Status"),
        "reason": Expression("$told.StatusReason"),
    }
    flow.pass_("SeeProvisioned", assign={"warm": seen, "told": {}}, next="IsProvisioned")
    flow.choice(
        "IsProvisioned",
        [
            (Rules.StringEquals("$warm.status", "READY"), following),
            (Rules.StringEquals("$warm.status", "IN_PROGRESS"), "AwaitProvisioned"),
        ],
        default="ProvisioningFailed",
    )
    flow.wait(
        "AwaitProvisioned",
        context.patience.function,
        count="warm_looks",
        next="CheckProvisioned",
        too_long="ProvisioningFailed",
    )
    cause = Expression(
        "States.Format('Provisioned concurrency is {}: {}', $warm.status, $warm.reason)"
    )
    _give_up(context, "ProvisioningFailed", "CheckProvisioned", cause)


def _give_up(context: Context, name: str, state: str, cause: Expression) -> None:
    context.flow.pass_(
        name,
        assign=failing(state, FUNCTION, name, cause),
        next=context.road(FUNCTION).entry,
    )


def _alias(context: Context) -> dict[str, Any]:
    return {"FunctionName": context.names.predict, "Qualifier": ALIAS}


def _warm(context: Context) -> int:
    return context.settings.function.provisioned_concurrency
