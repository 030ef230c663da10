"""Whose a resource is: ours by its name *and* by its tags, or somebody else's, which stays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from provision.change import STACK_TAG, Change
from provision.stale import marks
from settings import Settings

T = TypeVar("T")
PROVING = ("environment", "owner")  # tags that everything we make carries
UPSERT = "made by upsert"
DEPLOYED = "made by a deployment"
# How the services say that something is not there; SageMaker has only words for some of it.
GONE = (
    "404",
    "AWS.SimpleQueueService.NonExistentQueue",
    "ExecutionDoesNotExist",
    "InvalidGroup.NotFound",
    "InvalidInstanceID.NotFound",
    "InvalidLaunchTemplateName.NotFoundException",
    "InvalidResourceId",  # SSM, of the tags of a parameter
    "NoSuchBucket",
    "NoSuchEntity",
    "NoSuchUpload",
    "NotFound",
    "NotFoundException",
    "ObjectNotFoundException",
    "ParameterNotFound",
    "ProvisionedConcurrencyConfigNotFoundException",
    "QueueDoesNotExist",
    "ResourceNotFound",
    "ResourceNotFoundException",
    "StateMachineDoesNotExist",
)
GONE_WORDS = ("could not find", "does not exist", "no scalable target found")

Others = Collection[tuple[str, str]]  # what is not ours, as (resource, name)


def unless_gone(call: Callable[[], T]) -> T | None:
    """The call's answer, or None where what it asks for is not there (any more)."""
    try:
        return call()
    except ClientError as error:
        fault = error.response["Error"]
        words = fault["Code"] == "ValidationException" and any(
            said in fault["Message"].lower() for said in GONE_WORDS
        )
        if words or fault["Code"] in GONE:
            return None
        raise


def claim(
    settings: Settings,
    resource: str,
    name: str,
    tags: Mapping[str, str],
    reason: str = UPSERT,
    *,
    desired: Any = None,
    marked: bool = False,
    untagged: bool = False,
) -> Change:
    """The deletion of a resource whose name is ours, or a note that it stays.

    Args:
        settings: of the environment.
        resource: type of the resource.
        name: of the resource.
        tags: what it carries.
        reason: why it is there.
        desired: what its deletion needs to know beside the name.
        marked: the name only begins as ours do, so that the tag `endpoint` is wanted too.
        untagged: AWS or a command makes it without tags; then nobody else's may stand there.
    """
    if stack := tags.get(STACK_TAG):
        return kept(resource, name, f"the stack '{stack}' has it")
    wanted = marks(settings)
    for key in (*PROVING, "endpoint"):
        needed = not untagged and (key in PROVING or marked)
        if key not in tags and needed:
            return kept(resource, name, f"not ours: it has no tag '{key}'")
        if key in tags and tags[key] != wanted[key]:
            return kept(resource, name, f"not ours: its tag '{key}' is '{tags[key]}'")
    return Change("delete", resource, name, reason, desired)


def kept(resource: str, name: str, reason: str) -> Change:
    """The note that something stays, and why."""
    return Change("keep", resource, name, reason, None)
