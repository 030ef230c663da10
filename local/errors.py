"""Errors that an AWS client sees: a code, one sentence, an HTTP status."""

from __future__ import annotations


class ApiError(Exception):
    """An expected refusal of a request, answered in AWS's own JSON form.

    `code` is the exception name that boto3 shows (for example `ResourceNotFound`), `status` the
    HTTP status, 4xx for the caller's fault.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def validation_error(message: str) -> ApiError:
    """The request is malformed or names something that cannot be (SageMaker's own code for it)."""
    return ApiError("ValidationException", message)


def not_found(message: str) -> ApiError:
    """The named resource does not exist."""
    return ApiError("ResourceNotFound", message)


def in_use(message: str) -> ApiError:
    """The name is taken, or the resource is busy."""
    return ApiError("ResourceInUse", message)


def conflict(message: str) -> ApiError:
    """The resource's state does not allow the request."""
    return ApiError("ConflictException", message)
