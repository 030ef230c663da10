"""What AWS refuses when rules, targets, schedules and events are put; moto takes nearly all."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from local.errors import ApiError
from local.events.delivery import LONGEST_AGE, MOST_RETRIES
from local.events.expressions import InvalidExpression, parse
from local.events.matchers import InvalidPattern
from local.events.pattern import compile_pattern
from local.events.payload import InvalidInput, check_input
from local.events.targets import TARGETS, Arn, kind, parse_arn
from local.shapes import Shapes

MOST_TARGETS = 5  # a rule; AWS's own limit
MOST_ENTRIES = 10
LARGEST_ENTRIES = 262_144  # bytes of one PutEvents request
NOT_VALID = "Parameter ScheduleExpression is not valid."


class Refusal(Exception):
    """A request that is refused: AWS's code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> Refusal:
    return Refusal("ValidationException", message)


@functools.cache
def _shapes() -> Shapes:
    return Shapes("events")


def _check_shape(action: str, request: dict[str, Any]) -> None:
    try:
        _shapes().check(action, request)
    except ApiError as error:
        raise Refusal(error.code, error.message) from error


def check_rule(name: str, pattern: str | None, expression: str | None) -> None:
    """PutRule's name, pattern and schedule; raises Refusal."""
    _check_shape("PutRule", {"Name": name})
    if pattern:
        check_pattern(pattern)
    if expression:
        if expression.strip().startswith("at("):
            raise invalid(f"{NOT_VALID} A rule takes rate(…) or cron(…).")
        check_expression(expression)


def check_pattern(pattern: str) -> None:
    try:
        compile_pattern(pattern)
    except InvalidPattern as error:
        reason = f"Event pattern is not valid. Reason: {error}"
        raise Refusal("InvalidEventPatternException", reason) from error


def check_expression(expression: str, zone: str = "UTC") -> None:
    try:
        parse(expression, zone)
    except InvalidExpression as error:
        raise invalid(f"{NOT_VALID} {error}") from error


def check_targets(present: Sequence[Mapping[str, Any]], put: Sequence[Mapping[str, Any]]) -> None:
    """PutTargets' targets beside those that the rule has; raises Refusal."""
    _check_shape("PutTargets", {"Rule": "any", "Targets": list(put)})
    ids = [target["Id"] for target in put]
    if len(set(ids)) < len(ids):
        raise invalid("Duplicate TargetId in the request.")
    if len({*ids, *(target["Id"] for target in present)}) > MOST_TARGETS:
        raise Refusal(
            "LimitExceededException",
            f"The requested resource exceeds the maximum number allowed: {MOST_TARGETS} targets.",
        )
    for target in put:
        _check_target(target)


def _check_target(target: Mapping[str, Any]) -> None:
    arn = check_destination(target)
    if TARGETS[kind(arn)].needs_role and not target.get("RoleArn"):
        raise invalid(f"RoleArn is required for target {arn.text}.")
    if arn.service != "sagemaker" and "SageMakerPipelineParameters" in target:
        raise invalid(f"SageMakerPipelineParameters is not supported for target {arn.text}.")
    try:
        check_input(target)
    except InvalidInput as error:
        raise invalid(str(error)) from error


def check_destination(target: Mapping[str, Any]) -> Arn:
    """The target's ARN and what every sender demands of a target; raises Refusal."""
    arn = _arn(target["Arn"])
    if not kind(arn):
        known = ", ".join(f"{name}s".replace("buss", "buses") for name in TARGETS)
        raise invalid(f"The embedded AWS delivers events to {known}, not to {arn.text}.")
    if arn.service == "sqs" and arn.name.endswith(".fifo") and not target.get("SqsParameters"):
        raise invalid(f"Parameter(s) SqsParameters must be specified for target: {arn.text}.")
    _check_retries(target.get("RetryPolicy") or {})
    _check_dead_letters((target.get("DeadLetterConfig") or {}).get("Arn"))
    return arn


def _arn(text: str) -> Arn:
    try:
        return parse_arn(text)
    except ValueError as error:
        reason = "Provided Arn is not in correct format."
        raise invalid(f"Parameter {text} is not valid. Reason: {reason}") from error


def _check_retries(policy: Mapping[str, Any]) -> None:
    for name, low, high in (
        ("MaximumRetryAttempts", 0, MOST_RETRIES),
        ("MaximumEventAgeInSeconds", 60, LONGEST_AGE),
    ):
        if not low <= policy.get(name, high) <= high:
            raise invalid(f"{name} {policy[name]} must be between {low} and {high}.")


def _check_dead_letters(queue: str | None) -> None:
    if queue and (_arn(queue).service != "sqs" or queue.endswith(".fifo")):
        raise invalid(f"The dead-letter queue {queue} must be a standard SQS queue.")


def check_entries(entries: Sequence[Mapping[str, Any]]) -> None:
    """PutEvents as a whole; raises Refusal."""
    if not 1 <= len(entries) <= MOST_ENTRIES:
        raise invalid(
            "1 validation error detected: Value '[PutEventsRequestEntry]' at 'entries' failed to "
            "satisfy constraint: Member must have length less than or equal to 10"
        )
    if sum(_size(entry) for entry in entries) > LARGEST_ENTRIES:
        raise invalid("Total size of the entries in the request is over the limit.")


def entry_error(entry: Mapping[str, Any]) -> dict[str, str] | None:
    """Why one entry of PutEvents is refused, or None."""
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            reason = f"Reason: {name} is a required argument."
            return _failed("InvalidArgument", f"Parameter {name} is not valid. {reason}")
    if entry["Source"].startswith("aws."):
        return _failed("NotAuthorizedForSourceException", "Not authorized for the source.")
    try:
        detail = json.loads(entry["Detail"])
    except ValueError:
        detail = None
    return None if isinstance(detail, dict) else _failed("MalformedDetail", "Detail is malformed.")


def _failed(code: str, message: str) -> dict[str, str]:
    return {"ErrorCode": code, "ErrorMessage": message}


def _size(entry: Mapping[str, Any]) -> int:
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail")]
    texts += entry.get("Resources") or []
    return sum(len((text or "").encode()) for text in texts) + (14 if entry.get("Time") else 0)
