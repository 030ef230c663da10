"""Expected failures as one sentence; anything else stays a traceback."""

from __future__ import annotations

import errno
import sys
from typing import Any

from errors import BreedlineError

HERE = "http://127.0.0.1:"  # where the embedded AWS listens
# What is wrong with the user's own access to AWS; botocore's sentence says what.
ACCESS = (
    *("ConfigNotFound", "ConfigParseError", "CredentialRetrievalError", "InfiniteLoopConfigError"),
    *("InvalidConfigError", "LoginError", "MetadataRetrievalError", "PartialCredentialsError"),
    *("ProfileNotFound", "RefreshWithMFAUnsupportedError", "SSOError", "TokenRetrievalError"),
    *("UnknownCredentialError",),
)
DISK = (errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.EPERM, errno.EROFS)


def explain(error: Exception) -> str | None:
    """The sentence for an expected failure, or None for a bug.

    botocore is looked at only when it has been imported, because importing it takes 0.2 s.
    """
    if isinstance(error, BreedlineError):
        return str(error)
    exceptions = sys.modules.get("botocore.exceptions")
    if exceptions and isinstance(error, (exceptions.BotoCoreError, exceptions.ClientError)):
        return _of_botocore(error, exceptions)
    transfers = sys.modules.get("boto3.exceptions")
    if transfers and isinstance(error, transfers.Boto3Error):
        return str(error)  # whose file, where to, and what S3 said
    if isinstance(error, OSError) and error.errno in DISK:
        return f"{error.filename or 'A file'} cannot be used: {error.strerror}."
    return None


def _of_botocore(error: Any, exceptions: Any) -> str | None:
    if isinstance(error, exceptions.ClientError):
        fault = error.response["Error"]
        return f"{error.operation_name} was refused ({fault['Code']}): {fault['Message']}"
    if isinstance(error, exceptions.NoCredentialsError):
        return (
            "No AWS credentials were found; run `aws configure`, or leave --env out to run locally."
        )
    if isinstance(error, tuple(getattr(exceptions, name) for name in ACCESS)):
        return (
            f"The access to AWS cannot be used: {str(error).rstrip('.')}. Mend it in the AWS_… "
            "variables or in ~/.aws, or leave --env out to run locally."
        )
    if isinstance(error, (exceptions.ConnectionError, exceptions.HTTPClientError)):
        return _unanswered(error, exceptions)
    return None


def _unanswered(error: Any, exceptions: Any) -> str:
    """Nobody answered: the embedded AWS, or AWS behind this machine's network."""
    url = str(error.kwargs.get("endpoint_url", ""))
    if not url.startswith(HERE):
        return (
            f"AWS cannot be reached ({str(error).rstrip('.')}): look at this machine's network and "
            "proxy, and at aws.region in the settings. What was started there goes on; `watch` "
            "re-attaches to it."
        )
    if isinstance(error, (exceptions.ReadTimeoutError, exceptions.ConnectTimeoutError)):
        return f"The server at {url} did not answer in time; try again."
    return (
        f"The server at {url} stopped answering; "
        "`python definitions.py local logs` shows its last words, and `watch` re-attaches to "
        "the execution (`retry` continues it if it was cut off)."
    )
