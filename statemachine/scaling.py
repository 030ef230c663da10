"""How the endpoint scales: its limits, the target it is tracked to, and the limits by calendar."""

from __future__ import annotations

from typing import Any

from settings import Settings
from settings.serving import ScheduledCapacity
from statemachine.asl import Expression
from statemachine.context import SCALING, Context
from statemachine.endpoint_config import is_asynchronous
from statemachine.names import VARIANT
from statemachine.retries import NO_PARAMETER, NO_SCALING

DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def scale(context: Context, *, entry: str, next: str) -> None:
    """Bring limits, policy and calendar to what the settings say; begins at `entry`."""
    flow, settings = context.flow, context.settings
    calendar = sorted(settings.scaling.scheduled)
    with flow.failing(context.road(SCALING)):
        register = "RegisterScaling"
        flow.pass_(
            entry,
            assign={"target": settings.scaling.invocations_per_minute},
            next="ReadMeasuredTarget" if _is_measured(settings) else register,
        )
        if _is_measured(settings):
            flow.task(
                "ReadMeasuredTarget",
                "ssm:getParameter",
                {"Name": context.names.parameter},
                assign={"target": Expression("States.StringToJson($.Parameter.Value)")},
                expect={NO_PARAMETER: register},
                next=register,
            )
        limits = {
            "MinCapacity": settings.scaling.min_capacity,
            "MaxCapacity": settings.scaling.max_capacity,
        }
        register_scaling(context, register, limits, next="PutScalingPolicy")
        put_policy(context, "PutScalingPolicy", tracking(settings), next="ClearSchedules")
        # What earlier settings had planned goes first.
        steps = [*(f"Schedule-{name}" for name in calendar), next]
        _clear(context, "ClearSchedules", next=steps[0])
        for name, following in zip(calendar, steps[1:], strict=True):
            _schedule(context, name, next=following)


def register_scaling(context: Context, name: str, limits: dict[str, Any], *, next: str) -> None:
    """RegisterScalableTarget, which also changes the limits of a registered one."""
    context.flow.task(
        name,
        "applicationautoscaling:registerScalableTarget",
        {**scaled(context), **limits},
        next=next,
    )


def put_policy(context: Context, name: str, tracked: Any, *, next: str) -> None:
    """Make or replace our scaling policy."""
    context.flow.task(
        name,
        "applicationautoscaling:putScalingPolicy",
        {
            **scaled(context),
            "PolicyName": policy_name(context),
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": tracked,
        },
        next=next,
    )


def deregister_scaling(context: Context, name: str, *, next: str) -> None:
    """Take the endpoint out of scaling, with its policies and its calendar."""
    context.flow.task(
        name,
        "applicationautoscaling:deregisterScalableTarget",
        scaled(context),
        assign={"deregistered": True},
        expect={NO_SCALING: next},
        next=next,
    )


def tracking(settings: Settings) -> dict[str, Any]:
    """The target that the number of instances follows.

    An asynchronous endpoint answers from a queue: what counts there is how long the queue is.
    """
    scaling, cooldowns = settings.scaling, {}
    cooldowns["ScaleOutCooldown"] = scaling.scale_out_cooldown_seconds
    cooldowns["ScaleInCooldown"] = scaling.scale_in_cooldown_seconds
    if is_asynchronous(settings):
        metric = {
            "MetricName": "ApproximateBacklogSizePerInstance",
            "Namespace": "AWS/SageMaker",
            "Dimensions": [{"Name": "EndpointName", "Value": settings.endpoint_name}],
            "Statistic": "Average",
        }
        target = float(settings.endpoint.asynchronous_concurrency)
        return {"TargetValue": target, "CustomizedMetricSpecification": metric, **cooldowns}
    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    return {
        "TargetValue": Expression("$target"),
        "PredefinedMetricSpecification": metric,
        **cooldowns,
    }


def policy_name(context: Context) -> str:
    return f"{context.names.endpoint}-load"


def scaled(context: Context) -> dict[str, str]:
    """What Application Auto Scaling calls the endpoint's instances."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{context.names.endpoint}/variant/{VARIANT}",
        "ScalableDimension": DIMENSION,
    }


def _is_measured(settings: Settings) -> bool:
    return settings.scaling.target_from == "measured" and not is_asynchronous(settings)


def _clear(context: Context, name: str, *, next: str) -> None:
    context.flow.each(
        name,
        "$before.schedules",
        "applicationautoscaling:deleteScheduledAction",
        {**scaled(context), "ScheduledActionName": Expression("$.ScheduledActionName")},
        expect=(NO_SCALING,),
        next=next,
    )


def _schedule(context: Context, name: str, *, next: str) -> None:
    planned: ScheduledCapacity = context.settings.scaling.scheduled[name]
    limits = {"MinCapacity": planned.min_capacity, "MaxCapacity": planned.max_capacity}
    context.flow.task(
        f"Schedule-{name}",
        "applicationautoscaling:putScheduledAction",
        {
            **scaled(context),
            "ScheduledActionName": name,
            "Schedule": planned.schedule,
            "ScalableTargetAction": limits,
        },
        next=next,
    )


def unschedule(context: Context, *, entry: str, next: str) -> None:
    """Take out what the settings plan; begins at `entry`."""
    calendar = sorted(context.settings.scaling.scheduled)
    steps = [*(f"Unschedule-{name}" for name in calendar), next]
    context.flow.pass_(entry, next=steps[0])
    for name, state, following in zip(calendar, steps, steps[1:], strict=False):
        context.flow.task(
            state,
            "applicationautoscaling:deleteScheduledAction",
            {**scaled(context), "ScheduledActionName": name},
            expect={NO_SCALING: following},
            next=following,
        )


def reschedule(context: Context, name: str, *, next: str) -> None:
    """Put back what was planned before, also what our settings cannot name."""
    action = {key: Expression(f"$.{key}") for key in ("ScheduledActionName", "Schedule")}
    action["ScalableTargetAction"] = Expression("$.ScalableTargetAction")
    context.flow.each(
        name,
        "$before.schedules",
        "applicationautoscaling:putScheduledAction",
        {**scaled(context), **action},
        optional=("Timezone", "StartTime", "EndTime"),
        next=next,
    )
