"""Waiting for AWS: for what was just made to be ready, for what was just allowed to be known, and
for what was just deleted to be gone.

IAM is eventually consistent: for some seconds after a role is made, the services that should assume
it refuse it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, repeat
from typing import TypeVar

from botocore.exceptions import ClientError

from errors import BreedlineError
from provision.change import Clients

T = TypeVar("T")
PAUSES = (0.5, 1, 1, 2, 2, 3, 3, 5, 5, 5, 5, 5, 5, 5, 5, 5)  # seconds; a minute in all
LONG = 5  # seconds between later looks at what takes its time
PATIENCE = 1800  # seconds; an endpoint with many instances goes in minutes, a stopped job too

# What services say of a role that has not reached them yet, or of a change under way.
UNSETTLED = (
    "cannot be assumed by",  # Lambda, EventBridge
    "authorized to assume the provided role",  # Step Functions
    "not authorized to access the log destination",  # Step Functions
    "invalid iam instance profile",  # EC2
    "update is in progress",  # Lambda, whose ResourceConflictException means other things too
)
# Another change to the same resource is under way.
PASSING = (
    "ConcurrentModification",
    "ConcurrentModificationException",
    "ConflictException",
    "ContinuousBackupsUnavailableException",
    "OperationAborted",
)


def patiently(clients: Clients, call: Callable[[], T]) -> T:
    """The call's answer; what refuses it only for the moment is asked again for a minute."""
    for pause in PAUSES:
        try:
            return call()
        except ClientError as error:
            if not _is_passing(error):
                raise
        clients.sleep(pause)
    return call()


def until(clients: Clients, look: Callable[[], bool], what: str) -> None:
    """Return when `look` says yes; raises BreedlineError when it does not within a minute."""
    for pause in PAUSES:
        if look():
            return
        clients.sleep(pause)
    if not look():
        raise BreedlineError(f"{what} is not ready after {sum(PAUSES):.0f} s; run upsert again.")


def until_gone(
    clients: Clients, is_gone: Callable[[], bool], what: str, patience: float = PATIENCE
) -> None:
    """Return when `is_gone` says yes; raises BreedlineError when it does not in `patience` s."""
    waited = 0.0
    for pause in chain(PAUSES, repeat(LONG)):
        if is_gone():
            return
        if waited >= patience:
            raise BreedlineError(f"{what} is still there after {waited:.0f} s; try again later.")
        clients.sleep(pause)
        waited += pause


def is_unsettled(message: str) -> bool:
    """Whether a refusal is of what is not known everywhere yet, or of a change under way."""
    return any(words in message.lower() for words in UNSETTLED)


def _is_passing(error: ClientError) -> bool:
    fault = error.response["Error"]
    return fault["Code"] in PASSING or is_unsettled(fault["Message"])
