"""One event on its way to one target, and what can become of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from local.errors import ApiError
from local.events.envelope import Event
from local.events.payload import InvalidInput, Matched

MOST_RETRIES = 185  # AWS's own default and limit
LONGEST_AGE = 86_400  # seconds; AWS's own default and limit
FORBIDDEN = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "KMSAccessDenied"}
THROTTLED = {
    *("Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException"),
    *("RequestLimitExceeded", "ExecutionLimitExceeded", "ServiceQuotaExceededException"),
}
MISSING = {
    *("ResourceNotFound", "ResourceNotFoundException", "NotFound", "NotFoundException"),
    *("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"),
    *("StateMachineDoesNotExist", "StateMachineDeleting"),
}


@dataclass(frozen=True)
class Delivery:
    """An event, the rule or schedule that sends it, and the target as it then was."""

    event: Event
    region: str
    source_arn: str  # of the rule, or of the schedule
    bus: str
    target: dict[str, Any]
    accepted: float  # seconds since the epoch
    ingested: str  # ISO-8601
    hops: int = 0  # buses that the event has passed
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def by_schedule(self) -> bool:
        """Whether EventBridge Scheduler sends it, which acts as its role."""
        return ":scheduler:" in self.source_arn

    @property
    def rule_name(self) -> str:
        return self.source_arn.rpartition("/")[2]

    @property
    def matched(self) -> Matched:
        return Matched(self.event, self.source_arn, self.ingested)

    @property
    def retries(self) -> int:
        return int(self._policy.get("MaximumRetryAttempts", MOST_RETRIES))

    @property
    def longest_age(self) -> float:
        return float(self._policy.get("MaximumEventAgeInSeconds", LONGEST_AGE))

    @property
    def dead_letter_queue(self) -> str:
        return str((self.target.get("DeadLetterConfig") or {}).get("Arn", ""))

    @property
    def _policy(self) -> Mapping[str, Any]:
        return self.target.get("RetryPolicy") or {}

    def document(self) -> dict[str, Any]:
        """The delivery as JSON, for the memory that outlives the server."""
        return asdict(self)


class DeliveryError(Exception):
    """The target did not take the event; `final` when another try cannot change that."""

    def __init__(self, code: str, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.final = final


def no_permission(message: str) -> DeliveryError:
    """The target does not let EventBridge in: never tried again, as on AWS."""
    return DeliveryError("NO_PERMISSIONS", message, final=True)


def no_resource(message: str) -> DeliveryError:
    """There is no such target: never tried again, as on AWS."""
    return DeliveryError("NO_RESOURCE", message, final=True)


def as_delivery_error(error: Exception) -> DeliveryError:
    """Any failure of a delivery, in the classes that AWS's dead letters name."""
    if isinstance(error, DeliveryError):
        return error
    if isinstance(error, InvalidInput):
        return DeliveryError("INVALID_JSON", str(error), final=True)
    if isinstance(error, ClientError):
        fault = error.response["Error"]
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        return _refusal(fault.get("Code", ""), fault.get("Message", ""), status)
    if isinstance(error, ApiError):
        return _refusal(error.code, error.message, error.status)
    return DeliveryError("SDK_CLIENT_ERROR", f"{type(error).__name__}: {error}", final=False)


def _refusal(code: str, reason: str, status: int) -> DeliveryError:
    message = f"{code}: {reason}"
    if code in FORBIDDEN:
        return no_permission(message)
    if (
        code in MISSING
        or "could not find" in message.lower()
        or "does not exist" in message.lower()
    ):
        return no_resource(message)
    if code in THROTTLED or status == 429:
        return DeliveryError("THROTTLING", message, final=False)
    return DeliveryError("ERROR_FROM_TARGET", message, final=status < 500)
