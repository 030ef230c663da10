"""The policies that roles have in this server's IAM."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from moto.iam.models import iam_backends

from local.iam.documents import read_statements
from local.iam.evaluation import Policies, read_policies

EVERYTHING = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


def policies_of(role: str) -> Policies | None:
    """A role's policies, inline and attached, its boundary and its trust; None without a role."""
    if ":role/aws-service-role/" in role:
        return read_policies([EVERYTHING])  # made by its service, with a policy of AWS's own
    _, partition, _, _, account, _ = role.split(":", 5)
    backend = iam_backends[account][partition]
    found: Any = next((one for one in backend.get_roles() if one.arn == role), None)
    if found is None:
        return None
    inline = [json.loads(text) for text in found.policies.values()]
    attached = [document_of(policy) for policy in found.managed_policies.values()]
    arn = found.permissions_boundary_arn
    boundary = document_of(backend.managed_policies[arn]) if arn else None
    trust = read_statements(json.loads(found.assume_role_policy_document or "{}"))
    return replace(read_policies([*inline, *attached], boundary), trust=trust)


def document_of(policy: Any) -> dict[str, Any]:
    """A managed policy's document, in the version that is its default."""
    document: dict[str, Any] = json.loads(next(v.document for v in policy.versions if v.is_default))
    return document
