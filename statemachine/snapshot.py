"""The road back, noted before anything is changed: what served, who answered, how it scaled."""

from __future__ import annotations

from typing import Any

from statemachine.asl import Expression
from statemachine.context import LOCKED, Context, merged
from statemachine.lock import keep_road_back, was_interrupted
from statemachine.names import ALIAS
from statemachine.retries import BRIEF, NO_PROVISIONED, NO_SUCH_FUNCTION
from statemachine.scaling import policy_name, scaled

# Field of the variable `before` -> the variable or part that it is taken from.
BEFORE = {
    "exists": "$now.exists",
    "config": "$now.config",
    "version": "$live",
    "types": "$types",
    "alias": "$alias",
    "provisioned": "$provisioned",
    "description": "$description",
    "least": "$least",
    "most": "$most",
    "policies": "$policies",
    "schedules": "$schedules",
}


def note_road_back(context: Context, *, next: str) -> None:
    """Fill the variable `before`, from what is there or from a lock that was taken over."""
    flow = context.flow
    with flow.failing(context.road(LOCKED)):
        flow.choice("WasInterrupted", [(was_interrupted(), "InheritRoadBack")], default="ReadAlias")
        inherited = Expression("States.StringToJson($lock.before)")
        flow.pass_("InheritRoadBack", assign={"before": inherited}, next="KnowRoadBack")
        _read_function(context, "ReadScaling" if context.scales else "NoteRoadBack")
        if context.scales:
            _read_scaling(context)
        before = {key: Expression(path) for key, path in BEFORE.items()}
        flow.pass_("NoteRoadBack", assign={"before": before}, next="KeepRoadBack")
    keep_road_back(context, next="KnowRoadBack")
    flow.pass_("KnowRoadBack", assign={"restored": Expression("$before.config")}, next=next)


def _read_function(context: Context, following: str) -> None:
    flow, live = context.flow, {"FunctionName": context.names.predict}
    flow.task(
        "ReadAlias",
        "lambda:getAlias",
        {**live, "Name": ALIAS},
        assign={"alias": Expression("$.FunctionVersion")},
        expect={NO_SUCH_FUNCTION: "ReadFunction"},
        next="ReadProvisioned",
    )
    flow.task(
        "ReadProvisioned",
        "lambda:getProvisionedConcurrencyConfig",
        {**live, "Qualifier": ALIAS},
        assign={"provisioned": Expression("$.RequestedProvisionedConcurrentExecutions")},
        expect={NO_PROVISIONED: "ReadFunction", NO_SUCH_FUNCTION: "ReadFunction"},
        attempts=BRIEF,
        next="ReadFunction",
    )
    flow.task(
        "ReadFunction",
        "lambda:getFunctionConfiguration",
        live,
        assign={"described": merged("$silent")},
        next="ReadDescription",
    )
    flow.pass_(
        "ReadDescription",
        assign={"description": Expression("$described.Description"), "described": {}},
        next=following,
    )


def _read_scaling(context: Context) -> None:
    flow, target = context.flow, scaled(context)
    listed: dict[str, Any] = {**target, "ResourceIds": [target["ResourceId"]]}
    del listed["ResourceId"]
    flow.task(
        "ReadScaling",
        "applicationautoscaling:describeScalableTargets",
        listed,
        assign={
            "least": Expression("$.ScalableTargets[*].MinCapacity"),
            "most": Expression("$.ScalableTargets[*].MaxCapacity"),
        },
        next="ReadScalingPolicy",
    )
    policies = "$.ScalingPolicies[*].TargetTrackingScalingPolicyConfiguration"
    flow.task(
        "ReadScalingPolicy",
        "applicationautoscaling:describeScalingPolicies",
        {**target, "PolicyNames": [policy_name(context)]},
        assign={"policies": Expression(policies)},
        next="ReadSchedules",
    )
    flow.task(
        "ReadSchedules",
        "applicationautoscaling:describeScheduledActions",
        target,
        assign={"schedules": Expression("$.ScheduledActions")},
        next="NoteRoadBack",
    )
