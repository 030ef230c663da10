"""What roles were granted beside what they asked for: the proof of least privilege.

A grant is one action on one resource, so a policy without denials is the sum of its grants. A grant
is needed when a call would be denied without it. Who may assume a role is a grant of its trust.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from local.iam.documents import Statement, read_statements
from local.iam.evaluation import Policies, Request, applies, evaluate


@dataclass(frozen=True, eq=False)
class Grant:
    """One action on one resource, from one statement of an actor's policy.

    `service` is whom a trust lets in; empty for what the actor itself may do.
    """

    actor: str
    statement: Statement
    service: str = ""

    @property
    def action(self) -> str:
        (action,) = self.statement.actions or ()
        return action

    @property
    def resource(self) -> str:
        (resource,) = self.statement.resources or ()
        return resource

    def __str__(self) -> str:
        who = f" by {self.service}" if self.service else ""
        return f"{self.actor} {self.statement.sid}: {self.action} on {self.resource}{who}"


@dataclass(frozen=True)
class Call:
    """One permission that an actor needed, or a service that wanted to be it."""

    actor: str
    action: str
    resource: str
    context: str = "{}"  # as JSON
    service: str = ""

    @property
    def request(self) -> Request:
        return Request(self.action, self.resource, json.loads(self.context))

    def __str__(self) -> str:
        return f"{self.actor} needs {self.action} on {self.resource}"


@dataclass(frozen=True)
class Reason:
    """Why grants that nobody used are there all the same."""

    actor: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]  # parts of ARNs; none: any resource
    why: str

    def parts(self) -> Iterator[Reason]:
        """One reason for each grant: an action, on the resource where several are named."""
        for action in self.actions:
            if not self.resources:
                yield replace(self, actions=(action,))
            for part in self.resources:
                yield replace(self, actions=(action,), resources=(part,))

    def covers(self, grant: Grant) -> bool:
        return (
            (self.actor, self.sid) == (grant.actor, grant.statement.sid)
            and grant.action in self.actions
            and (not self.resources or any(part in grant.resource for part in self.resources))
        )


def grants_of(actor: str, document: Mapping[str, Any]) -> Iterator[Grant]:
    """The grants of a policy; one that denies, or names what it leaves out, is none of ours."""
    for statement in read_statements(document):
        assert statement.effect == "Allow", f"{actor} {statement.sid} is no permission"
        for action in statement.actions or ():
            for resource in statement.resources or ():
                yield Grant(actor, replace(statement, actions=(action,), resources=(resource,)))


def trust_of(actor: str, role: str, document: Mapping[str, Any]) -> Iterator[Grant]:
    """A grant for each service that a role's trust lets in."""
    for statement in read_statements(document):
        assert statement.effect == "Allow", f"{actor} {statement.sid} is no permission"
        assert set(statement.principals or {}) == {"Service"}, f"{actor} trusts whom?"
        for service in (statement.principals or {})["Service"]:
            for action in statement.actions or ():
                named = replace(statement, actions=(action,), resources=(role,))
                yield Grant(actor, named, service)


class Proof:
    """The calls of all actors held against what they were granted.

    `boundaries` are those of the actors that have one.
    """

    def __init__(
        self,
        calls: Iterable[Call],
        grants: Sequence[Grant],
        reasons: Sequence[Reason],
        boundaries: Mapping[str, tuple[Statement, ...]] | None = None,
    ) -> None:
        self.reasons = reasons
        self.grants = grants
        self.boundaries = boundaries or {}
        keys = {call: call.request.keys() for call in calls}
        # For each call, the grants that allow it.
        self.allowing = {
            call: frozenset(
                grant
                for grant in grants
                if (grant.actor, grant.service) == (call.actor, call.service)
                and applies(grant.statement, call.request, keys[call])
            )
            for call in keys
        }

    def problems(self, removed: Grant | None = None) -> list[str]:
        """What is wrong, each in a sentence; with one grant taken away when it is given."""
        return [*self._denied(removed), *self._unused(removed), *self._stale(removed)]

    def needed(self) -> set[Grant]:
        """The grants without which some call would be denied."""
        return {next(iter(found)) for found in self.allowing.values() if len(found) == 1}

    def _denied(self, removed: Grant | None) -> Iterator[str]:
        for call, allowing in self.allowing.items():
            if removed is not None and removed not in allowing:
                continue  # it was judged with all grants
            left = tuple(grant.statement for grant in allowing if grant is not removed)
            boundary = None if call.service else self.boundaries.get(call.actor)
            if not evaluate(call.request, Policies(identity=left, boundary=boundary)).allowed:
                yield f"{call}, which nothing allows."

    def _unused(self, removed: Grant | None) -> Iterator[str]:
        needed = self.needed()
        for grant in self.grants:
            excused = any(reason.covers(grant) for reason in self.reasons)
            if grant is not removed and grant not in needed and not excused:
                yield f"{grant} is granted, and nothing needs it."

    def _stale(self, removed: Grant | None) -> Iterator[str]:
        granted = [grant for grant in self.grants if grant is not removed]
        for reason in self.reasons:
            for one in reason.parts():
                found = sum(one.covers(grant) for grant in granted)
                if found != 1:
                    named = f"{one.actor} {one.sid}: {one.actions[0]} {''.join(one.resources)}"
                    yield f"{named} is excused once and granted {found} times: {one.why}"
