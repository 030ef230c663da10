"""The roles that the settings name: that they are there, and that the right service gets them.

A role that `upsert` makes is no concern: it comes with its trust.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provision.change import Clients, or_none
from provision.preflight.findings import Finding, Subject
from provision.preflight.trust import may_assume
from settings import Settings
from statemachine.names import ROLE_ACTORS, Names


def named_roles(settings: Settings) -> dict[str, str]:
    """Actor -> ARN of the roles that must be there before `upsert`."""
    names = Names(settings)
    found = {"pipeline": settings.role_arn}
    if settings.jobs_role_arn != settings.role_arn:
        found["jobs"] = settings.jobs_role_arn
    for actor in (*ROLE_ACTORS, "ec2_training"):
        if getattr(settings.roles, actor):
            found[actor] = names.role(actor)
    return found


def read_role(clients: Clients, arn: str) -> Mapping[str, Any] | None:
    """The role as IAM has it; None where it is not there."""
    name = arn.rpartition("/")[2]
    found = or_none(lambda: clients("iam").get_role(RoleName=name)["Role"], "NoSuchEntity")
    return dict(found) if found else None


def check_roles(subject: Subject) -> Iterator[Finding]:
    """Each role exists, and trusts the service that works in its name."""
    settings = subject.settings
    for actor, arn in named_roles(settings).items():
        about = f"role {arn.rpartition('/')[2]}"
        role = read_role(subject.clients, arn)
        if role is None:
            yield Finding("fault", about, f"it does not exist ({actor})", _remedy(actor, settings))
            continue
        trust = subject.roles[actor]["trust"]
        service = trust["Statement"][0]["Principal"]["Service"]
        given = role["AssumeRolePolicyDocument"]
        allowed = may_assume(given, service, settings.aws.account_id)
        if allowed is False:
            yield Finding(
                "fault",
                about,
                f"its trust policy does not let {service} assume it ({actor})",
                "replace the trust policy by this one",
                trust,
            )
        elif allowed is None:
            problem = f"conditions of its trust policy hide whether {service} may assume it"
            yield Finding("unchecked", about, problem, f"compare it with `show roles`, {actor}")


def _remedy(actor: str, settings: Settings) -> str:
    made = "run `bootstrap`, which makes it, or " if settings.foundation.roles else ""
    key = "aws.role_arn" if actor == "pipeline" else f"roles.{actor}"
    return f"{made}name one that is there in {key}"
