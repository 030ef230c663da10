"""The deployed version is asked known images through the function, as a caller would ask."""

from __future__ import annotations

from statemachine.asl import Expression, Rules
from statemachine.context import FUNCTION, TAGGED, Context, failing
from statemachine.endpoint_config import is_asynchronous

VERSION_TAG = "model-version"
SKIPPED = "An asynchronous endpoint answers into the bucket, so the function cannot ask it."


def verify(context: Context, *, entry: str, next: str) -> None:
    """Smoke tests, then the endpoint's tag; begins at `entry`."""
    with context.flow.failing(context.road(FUNCTION)):
        if is_asynchronous(context.settings):
            nothing = {"passed": 0, "failed": 0, "results": [], "skipped": SKIPPED}
            context.flow.pass_(entry, assign={"smoke": nothing}, next="TagEndpoint")
        else:
            _smoke_test(context, entry)
    with context.flow.failing(context.road(TAGGED)):
        tag(context, "TagEndpoint", Expression("$package.text"), next=next)


def tag(context: Context, name: str, version: Expression, *, next: str) -> None:
    """Say on the endpoint which version it serves."""
    arn = context.names.endpoint_arn
    context.flow.task(
        name,
        "sagemaker:addTags",
        {"ResourceArn": arn, "Tags": [{"Key": VERSION_TAG, "Value": version}]},
        next=next,
    )


def _smoke_test(context: Context, entry: str) -> None:
    flow = context.flow
    flow.task(
        entry,
        "lambda:invoke",
        {
            "FunctionName": context.names.function_arn(context.names.smoke_test),
            "Payload": {
                "function": context.alias_arn,
                "endpoint": context.names.endpoint,
                "model_version": Expression("$package.text"),
                "samples": Expression("$metadata['smoke-samples']"),
            },
        },
        assign={
            "smoke": {
                "passed": Expression("$.Payload.passed"),
                "failed": Expression("$.Payload.failed"),
                "results": Expression("$.Payload.results"),
            }
        },
        seconds=context.patience.smoke_seconds,
        attempts=1,
        repeatable=False,  # it takes its time, and says itself what took too long
        next="DidSmokeTestsPass",
    )
    flow.choice(
        "DidSmokeTestsPass",
        [(Rules.NumericGreaterThanEquals("$smoke.failed", 1), "ReadFailedTests")],
        default="TagEndpoint",
    )
    flow.pass_("ReadFailedTests", output={"tests": Expression("$smoke.results")}, next="NameFaults")
    faults = {"faults": Expression("$.tests[?(@.passed==false)]")}
    flow.pass_("NameFaults", output=faults, next="SmokeTestsFailed")
    cause = "States.Format('{} failed: {}', $smoke.failed, States.JsonToString($.faults))"
    flow.pass_(
        "SmokeTestsFailed",
        assign=failing(entry, FUNCTION, "SmokeTestsFailed", Expression(cause)),
        next=context.road(FUNCTION).entry,
    )
