"""The foundation's stack: a change set as a plan, executed and followed to its end.

CloudFormation itself says what would change, and takes everything back when one resource fails. Two
who change the stack at once do no harm: the second change set is void when the first is executed.
What is under way already, as of a command that was killed, is waited for.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from errors import BreedlineError
from provision.change import Change, Clients, Kind, as_tags

CAPABILITIES = ["CAPABILITY_NAMED_IAM"]
KINDS: Mapping[str, Kind] = {"Add": "create", "Modify": "update", "Remove": "delete"}
NOTHING_NEW = ("didn't contain changes", "No updates are to be performed")
REMAINS = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")
DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE")
CANCELLED = "cancelled"  # what else was under way when one resource failed
WAYS_OUT = {
    "AWS::IAM::Role": "give it by its ARN in [roles] or aws.role_arn, or delete it",
    "AWS::S3::Bucket": "set foundation.bucket = false, or name another in aws.bucket",
    "AWS::KMS::Alias": "set foundation.key = false, or name another in aws.kms_key",
}
LOST = ("ChangeSetNotFound", "InvalidChangeSetStatus")


@dataclass(frozen=True)
class Wanted:
    """The stack as it should be: its template as text, and every parameter that this has."""

    name: str
    template: str
    values: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class StackPlan:
    """What CloudFormation would change; without a change set there is nothing to do."""

    stack: str
    changes: tuple[Change, ...]
    change_set: str = ""
    is_new: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.change_set

    def __str__(self) -> str:
        kinds = [change.kind for change in self.changes]
        verbs: tuple[Kind, ...] = ("create", "update", "replace", "delete")
        counts = ", ".join(f"{kinds.count(verb)} to {verb}" for verb in verbs)
        return "\n".join([*map(str, self.changes), f"{counts} in the stack {self.stack}"])

    def as_dict(self) -> dict[str, Any]:
        """The plan for `--json`."""
        changes = [change.as_dict() for change in self.changes]
        return {"stack": self.stack, "changes": changes, "is_empty": self.is_empty}


def propose(
    clients: Clients, wanted: Wanted, poll: float, report: Callable[[str], None] | None = None
) -> StackPlan:
    """Ask CloudFormation what would change; nothing is changed yet.

    A stack whose creation failed holds nothing more and is deleted first: it could not be updated.
    """
    found = _settled(clients, wanted.name, poll, report or _silently)
    if found and found["StackStatus"] in REMAINS:
        delete(clients, wanted.name, poll)
        found = None
    is_new = found is None or _is_begun(found)
    made = clients("cloudformation").create_change_set(
        StackName=wanted.name,
        ChangeSetName=f"breedline-{uuid.uuid4().hex}",
        ChangeSetType="CREATE" if is_new else "UPDATE",
        TemplateBody=wanted.template,
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in sorted(wanted.values.items())
        ],
        Tags=as_tags(wanted.tags),
        Capabilities=CAPABILITIES,
    )
    return _plan(clients, wanted.name, made["Id"], is_new, poll)


def discard(clients: Clients, plan: StackPlan, poll: float) -> None:
    """Forget a plan; a stack that was begun for it alone goes too."""
    cloudformation = clients("cloudformation")
    if plan.change_set:
        cloudformation.delete_change_set(StackName=plan.stack, ChangeSetName=plan.change_set)
    if plan.is_new:
        others = cloudformation.list_change_sets(StackName=plan.stack)["Summaries"]
        if not [other for other in others if other["ChangeSetId"] != plan.change_set]:
            delete(clients, plan.stack, poll)


def execute(
    clients: Clients, plan: StackPlan, poll: float, report: Callable[[str], None]
) -> dict[str, str]:
    """Carry the plan out; returns the stack's outputs.

    `report` hears of each resource. Raises BreedlineError with the reason of the first resource
    that failed; by then everything is as it was before.
    """
    cloudformation = clients("cloudformation")
    seen = {event["EventId"] for event in _events(clients, plan.stack)}
    try:
        cloudformation.execute_change_set(StackName=plan.stack, ChangeSetName=plan.change_set)
    except ClientError as error:
        if error.response["Error"]["Code"] in LOST:
            raise BreedlineError(
                f"The stack '{plan.stack}' was changed by somebody else meanwhile; look at the "
                "plan again."
            ) from error
        raise
    return _follow(clients, plan.stack, seen, poll, report)


def delete(
    clients: Clients, name: str, poll: float, report: Callable[[str], None] | None = None
) -> None:
    """Delete the stack; what its template retains stays. One that is not there is no fault."""
    found = _settled(clients, name, poll, report or _silently)
    if found is None:
        return
    seen = {event["EventId"] for event in _events(clients, name)}
    clients("cloudformation").delete_stack(StackName=name)
    # A deleted stack answers to its id alone.
    _follow(clients, found["StackId"], seen, poll, report or _silently)


def find_stack(clients: Clients, name: str) -> dict[str, Any] | None:
    """The stack's description, or None."""
    try:
        found: dict[str, Any] = clients("cloudformation").describe_stacks(StackName=name)["Stacks"][
            0
        ]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    return found


def list_resources(clients: Clients, name: str, kept: Collection[str]) -> list[Change]:
    """Everything that the stack has, as its deletion; the logical ids of `kept` outlive it."""
    pages = clients("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
    return [
        Change(
            "keep" if item["LogicalResourceId"] in kept else "delete",
            item["ResourceType"],
            item["LogicalResourceId"],
            _place(item),
            None,
        )
        for page in pages
        for item in page["StackResourceSummaries"]
    ]


def _silently(line: str) -> None:
    return


def _settled(
    clients: Clients, name: str, poll: float, report: Callable[[str], None]
) -> dict[str, Any] | None:
    """The stack's description when nobody is changing it any more; None where there is none."""
    found, told = find_stack(clients, name), False
    while found and found["StackStatus"].endswith("_IN_PROGRESS") and not _is_begun(found):
        if not told:
            report(f"The stack {name} is {found['StackStatus']}; waiting for the end of that.")
        told = True
        clients.sleep(poll)
        found = find_stack(clients, name)
    return found


def _is_begun(stack: Mapping[str, Any]) -> bool:
    """Whether only a change set was ever made for it."""
    return bool(stack["StackStatus"] == "REVIEW_IN_PROGRESS")


def _plan(clients: Clients, stack: str, change_set: str, is_new: bool, poll: float) -> StackPlan:
    cloudformation = clients("cloudformation")
    while True:
        found = cloudformation.describe_change_set(StackName=stack, ChangeSetName=change_set)
        if found["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            break
        clients.sleep(poll)
    if found["Status"] == "CREATE_COMPLETE":
        changes = tuple(map(_change, _changes(clients, stack, change_set)))
        return StackPlan(stack, changes, change_set, is_new)
    cloudformation.delete_change_set(StackName=stack, ChangeSetName=change_set)
    reason = found.get("StatusReason", "")
    if any(words in reason for words in NOTHING_NEW):
        return StackPlan(stack, ())
    raise BreedlineError(f"CloudFormation refuses the template of the stack '{stack}': {reason}")


def _changes(clients: Clients, stack: str, change_set: str) -> Iterator[Mapping[str, Any]]:
    token: dict[str, str] = {}
    while True:
        page = clients("cloudformation").describe_change_set(
            StackName=stack, ChangeSetName=change_set, **token
        )
        yield from (change["ResourceChange"] for change in page["Changes"])
        if "NextToken" not in page:
            return
        token = {"NextToken": page["NextToken"]}


def _change(found: Mapping[str, Any]) -> Change:
    kind = KINDS[found["Action"]]
    names = sorted({detail["Target"].get("Name", "Tags") for detail in found.get("Details", [])})
    reason = {
        "create": "it does not exist",
        "update": f"{', '.join(names)} {'differs' if len(names) == 1 else 'differ'}",
        "delete": "the settings no longer describe it",
    }[kind]
    if found.get("Replacement") == "True":
        kind, reason = "replace", f"{reason}, which takes another one"
    elif found.get("Replacement") == "Conditional":
        reason += ", which may take another one"
    return Change(kind, found["ResourceType"], found["LogicalResourceId"], reason, None)


def _follow(
    clients: Clients, stack: str, seen: set[str], poll: float, report: Callable[[str], None]
) -> dict[str, str]:
    failures: list[Mapping[str, Any]] = []
    while True:
        (found,) = clients("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        for event in reversed(_events(clients, stack)):  # the newest come first
            if event["EventId"] not in seen:
                seen.add(event["EventId"])
                report(_line(event))
                if event["ResourceStatus"].endswith("_FAILED"):
                    failures.append(event)
        if not found["StackStatus"].endswith("_IN_PROGRESS"):
            break
        clients.sleep(poll)
    if found["StackStatus"] in DONE:
        return {out["OutputKey"]: out["OutputValue"] for out in found.get("Outputs", [])}
    raise BreedlineError(_failure(found, failures))


def _events(clients: Clients, stack: str) -> list[dict[str, Any]]:
    """The stack's events, the newest first."""
    pages = clients("cloudformation").get_paginator("describe_stack_events")
    try:
        return [event for page in pages.paginate(StackName=stack) for event in page["StackEvents"]]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return []
        raise


def _line(event: Mapping[str, Any]) -> str:
    reason = event.get("ResourceStatusReason", "")
    status = event["ResourceStatus"].replace("_", " ").lower()
    why = f"  ({reason})" if reason and status.endswith("failed") else ""
    return f"{status:<20} {event['ResourceType']} {event['LogicalResourceId']}{why}"


def _failure(stack: Mapping[str, Any], failures: list[Mapping[str, Any]]) -> str:
    """The first resource's own reason: the others were only cancelled."""
    own = [e for e in failures if CANCELLED not in e.get("ResourceStatusReason", "").lower()]
    status = stack["StackStatus"]
    if not own:
        return f"The stack '{stack['StackName']}' is {status}: {stack.get('StackStatusReason')}"
    kind, reason = own[0]["ResourceType"], own[0].get("ResourceStatusReason", "").rstrip(".")
    there = "exists" in reason and kind in WAYS_OUT
    way_out = f" To keep what is there, {WAYS_OUT[kind]}." if there else ""
    return (
        f"The stack '{stack['StackName']}' is {status}: {kind} {own[0]['LogicalResourceId']} "
        f"failed: {reason}.{way_out}"
    )


def _place(item: Mapping[str, Any]) -> str:
    return str(item.get("PhysicalResourceId") or "not made")
