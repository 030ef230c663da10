"""The roles of the functions, the endpoint, the state machines and the rules.

Only those that the settings leave empty are made; a role that the settings name is somebody else's
and is left alone, as is the pipeline's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provision.change import (
    Change,
    Clients,
    as_tags,
    by_sid,
    compare,
    from_tags,
    only,
    or_none,
    unless_there,
)
from settings import Settings
from statemachine.names import ROLE_ACTORS, Names

RESOURCE = "role"
POLICY = "breedline"  # the name of the inline policy


@dataclass(frozen=True)
class Role:
    """The role as it should be; `trust` says who may assume it, `policy` what it may do."""

    name: str
    arn: str
    trust: Mapping[str, Any]
    policy: Mapping[str, Any]
    tags: dict[str, str]

    def properties(self) -> dict[str, Any]:
        """What is compared with the role that exists."""
        return {"policy": by_sid(self.policy), "tags": self.tags, "trust": by_sid(self.trust)}


def plan_roles(
    clients: Clients, settings: Settings, documents: Mapping[str, Mapping[str, Any]]
) -> Iterator[Change]:
    """Compare the roles that are ours to make with `documents`: actor -> {trust, policy}."""
    for actor in ROLE_ACTORS:
        if getattr(settings.roles, actor):
            continue
        document, names = documents[actor], Names(settings)
        desired = Role(
            names.made_role(actor),
            names.role(actor),
            document["trust"],
            document["policy"],
            settings.tags,
        )
        yield compare(RESOURCE, read_role(clients("iam"), desired), desired)


def apply_role(clients: Clients, change: Change) -> str:
    """Create or correct the role; returns its ARN."""
    role: Role = change.desired
    iam, trust = clients("iam"), json.dumps(role.trust)
    if change.kind == "create":
        unless_there(
            lambda: iam.create_role(
                RoleName=role.name,
                AssumeRolePolicyDocument=trust,
                Description="Made by Breedline's upsert",
                Tags=as_tags(role.tags),
            )
        )
    else:
        iam.update_assume_role_policy(RoleName=role.name, PolicyDocument=trust)
        iam.tag_role(RoleName=role.name, Tags=as_tags(role.tags))
    iam.put_role_policy(
        RoleName=role.name, PolicyName=POLICY, PolicyDocument=json.dumps(role.policy)
    )
    return role.arn


def read_role(iam: Any, role: Role) -> dict[str, Any] | None:
    """What is compared with the role as it should be; None where there is none."""
    found = or_none(lambda: iam.get_role(RoleName=role.name)["Role"], "NoSuchEntity")
    if found is None:
        return None
    policy = or_none(
        lambda: iam.get_role_policy(RoleName=role.name, PolicyName=POLICY)["PolicyDocument"],
        "NoSuchEntity",
    )
    return {
        "policy": by_sid(policy or {}),
        "tags": only(from_tags(found.get("Tags", [])), role.tags),
        "trust": by_sid(found["AssumeRolePolicyDocument"]),
    }
