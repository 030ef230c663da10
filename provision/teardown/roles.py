"""The roles that commands made; last, because everything else may still be working under them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from provision.change import Change, Clients, from_tags
from provision.ec2.surroundings import ACTOR
from provision.roles import RESOURCE as ROLE
from provision.teardown.ownership import claim, unless_gone
from settings import Settings
from statemachine.names import ROLE_ACTORS, Names


def find_roles(clients: Clients, settings: Settings) -> Iterator[Change]:
    """Also those that the settings now name otherwise: they were made before."""
    iam, names = clients("iam"), Names(settings)
    for name in map(names.made_role, (*ROLE_ACTORS, ACTOR)):
        found = unless_gone(partial(iam.get_role, RoleName=name))
        if found is not None:
            yield claim(settings, ROLE, name, from_tags(found["Role"].get("Tags", [])))


def delete_role(clients: Clients, change: Change) -> None:
    """IAM deletes no role that has policies or is in an instance profile, whoever put it there."""
    iam, named = clients("iam"), {"RoleName": change.name}
    for page in iam.get_paginator("list_role_policies").paginate(**named):
        for policy in page["PolicyNames"]:
            iam.delete_role_policy(**named, PolicyName=policy)
    for page in iam.get_paginator("list_attached_role_policies").paginate(**named):
        for policy in page["AttachedPolicies"]:
            iam.detach_role_policy(**named, PolicyArn=policy["PolicyArn"])
    for page in iam.get_paginator("list_instance_profiles_for_role").paginate(**named):
        for profile in page["InstanceProfiles"]:
            iam.remove_role_from_instance_profile(
                **named, InstanceProfileName=profile["InstanceProfileName"]
            )
    iam.delete_role(**named)
