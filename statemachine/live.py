"""What is live now: the endpoint at rest, its version, fleet and machine.

An endpoint that does not exist makes this a first deployment. One that is being changed is waited
for; one that could not be made is removed, which is all that SageMaker allows with it.
"""

from __future__ import annotations

from statemachine.asl import Expression, Rules
from statemachine.context import LOCKED, Context, failing
from statemachine.flow import Judge
from statemachine.retries import BRIEF, SAGEMAKER

MISSING = "*Could not find*"
IN_MOTION = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
VERSION_PARTS = "States.StringSplit($now.config, '-v')"


def look_at_endpoint(context: Context, *, found: str, missing: str) -> None:
    """To `found` with the variables now, live, fleet and types, or to `missing`."""
    with context.flow.failing(context.road(LOCKED)):
        _settle(context, missing)
        _read_fleet(context)
        _read_version(context, found)


def _settle(context: Context, missing: str) -> None:
    flow, endpoint = context.flow, {"EndpointName": context.names.endpoint}
    flow.task(
        "DescribeEndpoint",
        "sagemaker:describeEndpoint",
        endpoint,
        assign={"now": describing()},
        judge=Judge(SAGEMAKER, "IsThereAnEndpoint"),
        attempts=BRIEF,
        next="IsEndpointAtRest",
    )
    flow.choice(
        "IsThereAnEndpoint",
        [(Rules.StringMatches("$failure.cause", MISSING), "NoEndpoint")],
        default=context.road(LOCKED).entry,
    )
    nothing = {"exists": False, "status": "", "config": None}
    flow.pass_("NoEndpoint", assign={"now": nothing}, next=missing)
    flow.choice(
        "IsEndpointAtRest",
        [
            (Rules.StringEquals("$now.status", "InService"), "ReadFleet"),
            (Rules.StringEquals("$now.status", "Failed"), "RemoveFailedEndpoint"),
            (is_in_motion("$now.status"), "WaitForEndpoint"),
        ],
        default="EndpointIsUnusable",
    )
    flow.task("RemoveFailedEndpoint", "sagemaker:deleteEndpoint", endpoint, next="WaitForEndpoint")
    flow.wait(
        "WaitForEndpoint",
        context.patience.settling,
        count="settle_looks",
        next="DescribeEndpoint",
        too_long="EndpointIsUnusable",
    )
    cause = Expression("States.Format('The endpoint is {} and cannot be updated', $now.status)")
    flow.pass_(
        "EndpointIsUnusable",
        assign=failing("IsEndpointAtRest", LOCKED, "EndpointIsUnusable", cause),
        next=context.road(LOCKED).entry,
    )


def _read_fleet(context: Context) -> None:
    # Apart from DescribeEndpoint: an endpoint that is being created has no variants yet.
    context.flow.task(
        "ReadFleet",
        "sagemaker:describeEndpoint",
        {"EndpointName": context.names.endpoint},
        assign={"fleet": Expression("$.ProductionVariants[*].DesiredInstanceCount")},
        next="ReadMachine",
    )
    context.flow.task(
        "ReadMachine",
        "sagemaker:describeEndpointConfig",
        {"EndpointConfigName": Expression("$now.config")},
        assign={"types": Expression("$.ProductionVariants[*].InstanceType")},
        next="IsConfigOurs",
    )


def _read_version(context: Context, found: str) -> None:
    """The version stands in the configuration's name; another's configuration has none."""
    ours = f"{context.names.endpoint}-v*-*"
    context.flow.choice(
        "IsConfigOurs",
        [(Rules.StringMatches("$now.config", ours), "ReadLiveVersion")],
        default=found,
    )
    # …-v<version>-<digest>, counted from the end, because an endpoint's name may hold '-' and 'v'.
    last_but_one = f"States.MathAdd(States.ArrayLength({VERSION_PARTS}), -2)"
    version = f"States.StringToJson(States.ArrayGetItem({VERSION_PARTS}, {last_but_one}))"
    context.flow.pass_("ReadLiveVersion", assign={"live": Expression(version)}, next=found)


def describing() -> dict[str, object]:
    """The variable `now` from an answer of DescribeEndpoint."""
    return {
        "exists": True,
        "status": Expression("$.EndpointStatus"),
        "config": Expression("$.EndpointConfigName"),
    }


def is_in_motion(path: str) -> Rules:
    """The status is one that passes by itself."""
    return Rules.Or([Rules.StringEquals(path, status) for status in IN_MOTION])
