"""Who calls: a session of a role. Work inside the server says whose it is with `acting`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

LONGEST_NAME = 64  # of a session
FORBIDDEN = re.compile(r"[^\w+=,.@-]", re.ASCII)
SAGEMAKER, LAMBDA, STATES = (
    "sagemaker.amazonaws.com",
    "lambda.amazonaws.com",
    "states.amazonaws.com",
)
EVENTS, SCHEDULER = "events.amazonaws.com", "scheduler.amazonaws.com"
EC2 = "ec2.amazonaws.com"
SILENT = (LAMBDA, EC2)  # assume a role without saying for which account


@dataclass(frozen=True)
class Caller:
    """A role's ARN, and the session that was made of it: which job, function or execution.

    `service` has assumed the role; empty for a client that did, or for a role of a service's own.
    Without a session it is no role but the account itself, named as root.
    """

    role: str
    session: str
    service: str = ""

    @property
    def account(self) -> str:
        return self.role.split(":")[4]

    @property
    def arn(self) -> str:
        """The session's own ARN, as GetCallerIdentity and messages have it."""
        if not self.session:
            return self.role
        partition, name = self.role.split(":")[1], self.role.rpartition("/")[2]
        return f"arn:{partition}:sts::{self.account}:assumed-role/{name}/{self.session}"


def account_itself(account: str) -> Caller:
    """Whoever has an account's own key."""
    return Caller(f"arn:aws:iam::{account}:root", "")


def caller(role: str, session: str, service: str = "") -> Caller | None:
    """The caller, with a session name that IAM would take; None where no role's ARN is given."""
    if role.count(":") < 5 or ":role/" not in role:
        return None
    return Caller(role, FORBIDDEN.sub("-", session)[:LONGEST_NAME], service)


_acting: ContextVar[Caller | None] = ContextVar("acting", default=None)


def acting_now() -> Caller | None:
    """Whose work this thread does; None for the services' own."""
    return _acting.get()


@contextmanager
def acting(someone: Caller | None) -> Iterator[None]:
    """What this thread does in the block is done by `someone`."""
    token = _acting.set(someone)
    try:
        yield
    finally:
        _acting.reset(token)
