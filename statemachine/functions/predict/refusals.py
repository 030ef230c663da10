"""A request that is not answered, as an HTTP status and one sentence."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[int, str] = {
    400: "bad-request",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-type",
    429: "throttled",
    500: "internal",
    502: "model-failed",
    503: "not-in-service",
    504: "timed-out",
}
BUSY: Mapping[str, str] = {"Retry-After": "1"}


class Refusal(Exception):
    """Why there is no answer; the message is for the caller, `reason` for the log alone."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.reason = reason

    @property
    def code(self) -> str:
        """One word for programs."""
        return CODES.get(self.status, "refused")
