"""Expected failures as one sentence; anything else stays a traceback."""

from __future__ import annotations

import sys

from errors import BreedlineError


def explain(error: Exception) -> str | None:
    """The sentence for an expected failure, or None for a bug.

    botocore is looked at only when it has been imported, because importing it takes 0.2 s.
    """
    if isinstance(error, BreedlineError):
        return str(error)
    exceptions = sys.modules.get("botocore.exceptions")
    if exceptions is None:
        return None
    if isinstance(error, (exceptions.EndpointConnectionError, exceptions.ConnectionClosedError)):
        return (
            f"The server at {error.kwargs['endpoint_url']} stopped answering; "
            "`python definitions.py local logs` shows its last words, and `watch` re-attaches to "
            "the execution (`retry` continues it if it was cut off)."
        )
    if isinstance(error, (exceptions.ReadTimeoutError, exceptions.ConnectTimeoutError)):
        return f"The server at {error.kwargs['endpoint_url']} did not answer in time; try again."
    if isinstance(error, exceptions.NoCredentialsError):
        return (
            "No AWS credentials were found; run `aws configure`, or leave --env out to run locally."
        )
    if isinstance(error, exceptions.ClientError):
        fault = error.response["Error"]
        return f"{error.operation_name} was refused ({fault['Code']}): {fault['Message']}"
    return None
