"""The road back of the endpoint and its scaling: to the configuration before, or to none."""

from __future__ import annotations

from typing import Any

from statemachine.asl import Expression, Rules
from statemachine.context import SCALING, Context
from statemachine.endpoint_config import create_endpoint_request, update_endpoint_request
from statemachine.flow import Judge, Road
from statemachine.live import MISSING, describing, is_in_motion
from statemachine.retries import BRIEF, NO_SCALING, SAGEMAKER
from statemachine.rollout import has_other_type
from statemachine.scaling import (
    deregister_scaling,
    policy_name,
    put_policy,
    register_scaling,
    reschedule,
    scaled,
    unschedule,
)

CONFIG = Expression("$before.config")
STUCK = {"restored": None, "stuck": True}


def restore_endpoint(context: Context, *, next: str) -> None:
    """From CheckWayBack to `next`."""
    done = "WasScalingTouched" if context.scales else next
    with context.flow.failing(Road(done, told="unrestored", also=STUCK)):
        _look(context, done, next)
        _send_back(context, done)
        _remove(context)
    if context.scales:
        with context.flow.failing(Road(next, told="unrestored")):
            _restore_scaling(context, next)


def _look(context: Context, done: str, following: str) -> None:
    flow, first = context.flow, Rules.BooleanEquals("$before.exists", False)
    flow.task(
        "CheckWayBack",
        "sagemaker:describeEndpoint",
        {"EndpointName": context.names.endpoint},
        assign={"now": describing()},
        judge=Judge(SAGEMAKER, "IsEndpointGone", told="seen"),
        attempts=BRIEF,
        next="IsWayBackDone",
    )
    gone = Rules.StringMatches("$seen.cause", MISSING)
    flow.choice("IsEndpointGone", [(gone, "ShouldItBeGone")], default="WayBackIsUnknown")
    unknown = {"unrestored": Expression("$seen"), **STUCK}
    flow.pass_("WayBackIsUnknown", assign=unknown, next=done)
    flow.choice("ShouldItBeGone", [(first, following)], default="CreateEndpointBack")
    back = Rules.And(
        [
            Rules.BooleanEquals("$before.exists", True),
            Rules.StringEquals("$now.status", "InService"),
            Rules.StringEqualsPath("$now.config", "$before.config"),
        ]
    )
    flow.choice(
        "IsWayBackDone",
        [
            (back, done),
            (is_in_motion("$now.status"), "AwaitWayBack"),
            (first, "RemoveScaling" if context.scales else "RemoveEndpoint"),
            (Rules.BooleanEquals("$sent_back", True), "WayBackFailed"),
        ],
        default="MustTypeChangeBack" if context.scales else "SendBack",
    )
    flow.wait(
        "AwaitWayBack",
        context.patience.endpoint,
        count="back_looks",
        next="CheckWayBack",
        too_long="WayBackFailed",
    )


def _send_back(context: Context, done: str) -> None:
    flow, settings = context.flow, context.settings
    if context.scales:
        changes = has_other_type("$before.types[0]", context)
        flow.choice("MustTypeChangeBack", [(changes, "DeregisterBack")], default="SendBack")
        with flow.failing(Road("SendBack", told="unrestored")):
            deregister_scaling(context, "DeregisterBack", next="SendBack")
    flow.task(
        "SendBack",
        "sagemaker:updateEndpoint",
        # Without the guards: their alarms may still ring about what is being left.
        update_endpoint_request(settings, CONFIG, guarded=False),
        assign={"sent_back": True},
        next="AwaitWayBack",
    )
    flow.task(
        "CreateEndpointBack",
        "sagemaker:createEndpoint",
        create_endpoint_request(settings, CONFIG),
        assign={"sent_back": True},
        next="AwaitWayBack",
    )
    form = "The endpoint is {} with the configuration {} and not with {}"
    facts = "$now.status, $now.config, $before.config"
    fault = {
        "state": "CheckWayBack",
        "phase": SCALING,
        "error": "EndpointNotRestored",
        "cause": Expression(f"States.Format('{form}', {facts})"),
    }
    flow.pass_("WayBackFailed", assign={"unrestored": fault, **STUCK}, next=done)


def _remove(context: Context) -> None:
    """What a first deployment made."""
    if context.scales:
        with context.flow.failing(Road("RemoveEndpoint", told="unrestored")):
            deregister_scaling(context, "RemoveScaling", next="RemoveEndpoint")
    context.flow.task(
        "RemoveEndpoint",
        "sagemaker:deleteEndpoint",
        {"EndpointName": context.names.endpoint},
        next="AwaitWayBack",
    )


def _restore_scaling(context: Context, following: str) -> None:
    flow = context.flow
    touched = Rules.Or(
        [
            Rules.NumericGreaterThanEquals("$failure.phase", SCALING),
            Rules.BooleanEquals("$deregistered", True),
            Rules.BooleanEquals("$taken_over", True),
        ]
    )
    # An endpoint that is not as it was keeps its scaling, for whoever mends it.
    stuck = Rules.BooleanEquals("$stuck", True)
    rules = [(stuck, following), (touched, "WasItScaling")]
    flow.choice("WasScalingTouched", rules, default=following)
    scaled_before = Rules.IsPresent("$before.least[0]", True)
    flow.choice("WasItScaling", [(scaled_before, "RegisterBack")], default="DeregisterScalingBack")
    deregister_scaling(context, "DeregisterScalingBack", next=following)
    limits: dict[str, Any] = {
        "MinCapacity": Expression("$before.least[0]"),
        "MaxCapacity": Expression("$before.most[0]"),
    }
    register_scaling(context, "RegisterBack", limits, next="HadPolicy")
    had_policy = Rules.IsPresent("$before.policies[0]", True)
    flow.choice("HadPolicy", [(had_policy, "PutPolicyBack")], default="RemovePolicy")
    put_policy(context, "PutPolicyBack", Expression("$before.policies[0]"), next="Unschedule")
    flow.task(
        "RemovePolicy",
        "applicationautoscaling:deleteScalingPolicy",
        {**scaled(context), "PolicyName": policy_name(context)},
        expect={NO_SCALING: "Unschedule"},
        next="Unschedule",
    )
    unschedule(context, entry="Unschedule", next="Reschedule")
    reschedule(context, "Reschedule", next=following)
