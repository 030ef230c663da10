"""Why a job failed, in SageMaker's words: `AlgorithmError: …`, `ClientError: …`, and so on."""

from __future__ import annotations

LONGEST_REASON = 1024  # characters, as in SageMaker's FailureReason


class JobFailure(Exception):
    """Ends a job; the message becomes its FailureReason."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}"[:LONGEST_REASON])


def client_error(message: str) -> JobFailure:
    """The request or its data are at fault: trying again does not help."""
    return JobFailure("ClientError", message)


def algorithm_error(message: str) -> JobFailure:
    """The script failed."""
    return JobFailure("AlgorithmError", message)


def internal_error(message: str) -> JobFailure:
    """A host was lost: trying again may help."""
    return JobFailure("InternalServerError", message)


def download_failed(message: str) -> JobFailure:
    """Input data is missing or unreadable."""
    return client_error(f"Data download failed: {message}")
