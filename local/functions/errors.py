"""Lambda's refusals, in its own words."""

from __future__ import annotations

from local.errors import ApiError


class Throttled(ApiError):
    """Too many invocations at the same time; `reason` says which limit was met."""

    def __init__(self, reason: str) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.", 429)
        self.reason = reason


def invalid_parameter(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message)


def no_such_function(name: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Function not found: {name}", 404)


def resource_conflict(message: str) -> ApiError:
    return ApiError("ResourceConflictException", message, 409)


def precondition_failed() -> ApiError:
    message = (
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
    )
    return ApiError("PreconditionFailedException", message, 412)
