"""Retry policies of steps: which fault is tried again, after how long, how often. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SERVICE_FAULT = "Step.SERVICE_FAULT"
THROTTLING = "Step.THROTTLING"
JOB_INTERNAL_ERROR = "SageMaker.JOB_INTERNAL_ERROR"
CAPACITY_ERROR = "SageMaker.CAPACITY_ERROR"
RESOURCE_LIMIT = "SageMaker.RESOURCE_LIMIT"
EXCEPTION_TYPES = (SERVICE_FAULT, THROTTLING, JOB_INTERNAL_ERROR, CAPACITY_ERROR, RESOURCE_LIMIT)
MOST_ATTEMPTS = 20


class RetryFault(Exception):
    """A retry policy is malformed; the message is one sentence."""


@dataclass(frozen=True)
class RetryPolicy:
    """After how many seconds, and how often, faults of these types are tried again.

    The n-th retry waits interval_seconds * backoff_rate ** n, n from 0. Retries end after
    `max_attempts` of them, or `expire_after_minutes` after the step's start.
    """

    exception_types: frozenset[str]
    interval_seconds: float = 1.0
    backoff_rate: float = 2.0
    max_attempts: int | None = 5
    expire_after_minutes: float | None = None

    def delay(self, retries: int, elapsed_seconds: float) -> float | None:
        """Seconds to wait before the next retry after `retries` of them, or None to give up."""
        if self.max_attempts is not None and retries >= self.max_attempts:
            return None
        wait = self.interval_seconds * self.backoff_rate**retries
        limit = self.expire_after_minutes
        if limit is not None and elapsed_seconds + wait > limit * 60:
            return None
        return wait


# AWS retries these on its own; a step's policy for the same type replaces the default.
DEFAULT_POLICY = RetryPolicy(frozenset({SERVICE_FAULT, THROTTLING}), max_attempts=3)


def read_policies(declared: Any) -> tuple[RetryPolicy, ...]:
    """A step's RetryPolicies; raises RetryFault."""
    return tuple(_read(policy) for policy in declared or [])


def _read(policy: dict[str, Any]) -> RetryPolicy:
    types = policy.get("ExceptionType") or []
    unknown = [kind for kind in types if kind not in EXCEPTION_TYPES]
    if unknown or not types:
        known = ", ".join(EXCEPTION_TYPES)
        raise RetryFault(f"The retry policy's ExceptionType {unknown or types} must be of {known}.")
    attempts, minutes = policy.get("MaxAttempts"), policy.get("ExpireAfterMin")
    if attempts is not None and not 0 <= attempts <= MOST_ATTEMPTS:
        raise RetryFault(f"The retry policy's MaxAttempts {attempts} must be 0 to {MOST_ATTEMPTS}.")
    for field in ("IntervalSeconds", "BackoffRate", "ExpireAfterMin"):
        if (policy.get(field) or 0) < 0:
            raise RetryFault(f"The retry policy's {field} {policy[field]} must not be negative.")
    if attempts is None and minutes is None:
        attempts = RetryPolicy.max_attempts
    return RetryPolicy(
        frozenset(types),
        _number(policy, "IntervalSeconds", 1.0),
        _number(policy, "BackoffRate", 2.0),
        attempts,
        minutes,
    )


def _number(policy: dict[str, Any], field: str, default: float) -> float:
    value = policy.get(field)
    return default if value is None else float(value)


def choose(policies: tuple[RetryPolicy, ...], exception_type: str | None) -> RetryPolicy | None:
    """The policy for a fault: the step's first that names its type, else AWS's own default."""
    for policy in (*policies, DEFAULT_POLICY):
        if exception_type in policy.exception_types:
            return policy
    return None


REASONS: Mapping[str, str] = {
    "InternalServerError": JOB_INTERNAL_ERROR,
    "CapacityError": CAPACITY_ERROR,
    "ResourceLimitExceeded": RESOURCE_LIMIT,
}


def type_of_reason(failure_reason: str) -> str | None:
    """The exception type of a failed job, from how its FailureReason begins."""
    for beginning, exception_type in REASONS.items():
        if failure_reason.startswith(beginning):
            return exception_type
    return None


def type_of_error(code: str, status: int) -> str | None:
    """The exception type of a refused API call, from its error code and HTTP status."""
    if code in ("ThrottlingException", "TooManyRequestsException"):
        return THROTTLING
    if code == "ResourceLimitExceeded":
        return RESOURCE_LIMIT
    return SERVICE_FAULT if status >= 500 else None
