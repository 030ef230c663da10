"""The endpoint comes to serve the package: model, configuration, then blue/green with a canary.

SageMaker calls an endpoint InService also after it has rolled an update back. So the configuration
that it then serves is compared with the wanted one, and another one is the failure that it is.
"""

from __future__ import annotations

from statemachine.asl import Expression, Rules
from statemachine.context import MADE, SERVING, Context, failing, merged
from statemachine.endpoint_config import (
    create_endpoint_request,
    endpoint_config_request,
    model_request,
    update_endpoint_request,
)
from statemachine.flow import Judge
from statemachine.live import describing, is_in_motion
from statemachine.retries import BRIEF, SAGEMAKER
from statemachine.scaling import deregister_scaling

NAME = Expression("$package.name")
THERE = "*already existing*"
UNDER_WAY = "*in-progress*"


def roll_out(context: Context, *, guarded: bool, next: str) -> None:
    """From CreateModel until the endpoint serves the package; then `next`."""
    with context.flow.failing(context.road(MADE)):
        _make(context)
    with context.flow.failing(context.road(SERVING)):
        _serve(context, guarded, next)
        _await(context, next)


def _make(context: Context) -> None:
    flow, settings = context.flow, context.settings
    package, version = Expression("$package.arn"), Expression("$package.text")
    flow.task(
        "CreateModel",
        "sagemaker:createModel",
        model_request(settings, NAME, package, version),
        assign={"made_model": True},
        judge=Judge(SAGEMAKER, "IsModelThere"),
        attempts=BRIEF,
        next="CreateEndpointConfig",
    )
    _accept(context, "IsModelThere", THERE, MADE, next="CreateEndpointConfig")
    flow.task(
        "CreateEndpointConfig",
        "sagemaker:createEndpointConfig",
        endpoint_config_request(settings, NAME, NAME),
        assign={"made_config": True},
        judge=Judge(SAGEMAKER, "IsConfigThere"),
        attempts=BRIEF,
        next="HowToServe",
    )
    _accept(context, "IsConfigThere", THERE, MADE, next="HowToServe")


def _serve(context: Context, guarded: bool, following: str) -> None:
    flow, settings = context.flow, context.settings
    update = "HowToUpdate" if context.scales and guarded else "UpdateAtOnce"
    rules = [
        (Rules.BooleanEquals("$now.exists", False), "CreateEndpoint"),
        (Rules.StringEqualsPath("$now.config", "$package.name"), following),
    ]
    if context.scales:
        rules.append((has_other_type("$types[0]", context), "DeregisterScaling"))
        # SageMaker refuses another instance type while scaling holds the variant.
        deregister_scaling(context, "DeregisterScaling", next=update)
    flow.choice("HowToServe", rules, default=update)
    flow.task(
        "CreateEndpoint",
        "sagemaker:createEndpoint",
        create_endpoint_request(settings, NAME),
        judge=Judge(SAGEMAKER, "IsEndpointThere"),
        attempts=BRIEF,
        next="AwaitEndpoint",
    )
    _accept(context, "IsEndpointThere", THERE, SERVING, next="AwaitEndpoint")
    if update == "HowToUpdate":
        several = Rules.And(
            [Rules.IsPresent("$fleet[0]", True), Rules.NumericGreaterThanEquals("$fleet[0]", 2)]
        )
        flow.choice("HowToUpdate", [(several, "UpdateByCanary")], default="UpdateAtOnce")
        _update(context, "UpdateByCanary", canary=True, guarded=True)
    _update(context, "UpdateAtOnce", canary=False, guarded=guarded)
    _accept(context, "IsUpdateUnderWay", UNDER_WAY, SERVING, next="AwaitEndpoint")


def _update(context: Context, name: str, *, canary: bool, guarded: bool) -> None:
    context.flow.task(
        name,
        "sagemaker:updateEndpoint",
        update_endpoint_request(context.settings, NAME, canary=canary, guarded=guarded),
        judge=Judge(SAGEMAKER, "IsUpdateUnderWay"),
        attempts=BRIEF,
        next="AwaitEndpoint",
    )


def _await(context: Context, following: str) -> None:
    flow, road = context.flow, context.road(SERVING)
    flow.wait(
        "AwaitEndpoint",
        context.patience.endpoint,
        count="endpoint_looks",
        next="CheckEndpoint",
        too_long="EndpointTooSlow",
    )
    endpoint = {"EndpointName": context.names.endpoint}
    flow.task(
        "CheckEndpoint",
        "sagemaker:describeEndpoint",
        endpoint,
        assign={"now": describing()},
        next="DoesEndpointServe",
    )
    serves = Rules.And(
        [
            Rules.StringEquals("$now.status", "InService"),
            Rules.StringEqualsPath("$now.config", "$package.name"),
        ]
    )
    flow.choice(
        "DoesEndpointServe",
        [(serves, following), (is_in_motion("$now.status"), "AwaitEndpoint")],
        default="ReadFailureReason",
    )
    flow.task(
        "ReadFailureReason",
        "sagemaker:describeEndpoint",
        endpoint,
        assign={"told": merged("$silent")},
        next="EndpointDoesNotServe",
    )
    form = "SageMaker left the endpoint {} with the configuration {}: {}"
    facts = "$now.status, $now.config, $told.FailureReason"
    cause = Expression(f"States.Format('{form}', {facts})")
    flow.pass_(
        "EndpointDoesNotServe",
        assign={
            **failing("CheckEndpoint", SERVING, "EndpointRolledBack", cause),
            "told": {},
        },
        next=road.entry,
    )
    late = f"The endpoint did not serve within {context.patience.endpoint.patience} s"
    flow.pass_(
        "EndpointTooSlow",
        assign=failing("AwaitEndpoint", SERVING, "EndpointTooSlow", late),
        next=road.entry,
    )


def has_other_type(path: str, context: Context) -> Rules:
    """The instance type at a path is there, and another one than the settings'."""
    same = Rules.StringEquals(path, context.settings.endpoint.instance_type)
    return Rules.And([Rules.IsPresent(path, True), Rules.Not(same)])


def _accept(context: Context, name: str, words: str, phase: int, *, next: str) -> None:
    """An error whose cause has these words says that the work is done already."""
    context.flow.choice(
        name,
        [(Rules.StringMatches("$failure.cause", words), next)],
        default=context.road(phase).entry,
    )
