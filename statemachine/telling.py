"""What is told: a message to the topic, in one form for all that happens to a deployment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from statemachine.asl import Expression
from statemachine.context import Context

ABOUT = {
    "version": Expression("$package.version"),
    "model_package_arn": Expression("$package.arn"),
    "execution": Expression("$$.Execution.Id"),
}
FAILED = {
    "state": Expression("$failure.state"),
    "error": Expression("$failure.error"),
    "cause": Expression("$failure.cause"),
    "restored": Expression("$restored"),
    "unrestored": Expression("$unrestored"),
}


def tell(context: Context, name: str, event: str, facts: Mapping[str, Any], *, next: str) -> None:
    """Publish {"event": …, "endpoint": …, "version": …} with more facts."""
    endpoint = context.names.endpoint
    context.flow.task(
        name,
        "sns:publish",
        {
            "TopicArn": context.names.topic_arn,
            "Subject": f"{endpoint}: {event}",
            "Message": {"event": event, "endpoint": endpoint, **ABOUT, **facts},
        },
        next=next,
    )


def report(context: Context, *facts: str) -> dict[str, Any]:
    """The output of an execution that ended well, with the facts that apply."""
    known: dict[str, Any] = {
        "version": Expression("$package.version"),
        "live_version": Expression("$live"),
        "endpoint_config": Expression("$now.config"),
        "function_version": Expression("$function_version"),
        "smoke_tests": Expression("$smoke"),
        "hint": "A newer version is live; `definitions.py rollback --to VERSION` goes back.",
    }
    return {
        "model_package_arn": Expression("$package.arn"),
        "endpoint": context.names.endpoint,
        **{fact: known[fact] for fact in facts},
    }
