"""Bucket policies by IAM's rules: moto's S3 looks at no condition.

A request that came in by the one door of this server counts as sent over TLS: it never left the
machine. Who calls is not told here, so that a statement about one principal decides nothing.
"""

from __future__ import annotations

import json
from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

from local.iam.documents import ALLOW, DENY, read_statements
from local.iam.evaluation import Request, applies

CONTEXT = {"aws:SecureTransport": "true"}


def lead_moto() -> None:
    """Let the buckets of this process be guarded by their policies as AWS reads them."""
    FakeBucket.get_permission = _permission


def _permission(bucket: Any, action: str, resource: str) -> PermissionResult:
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    request = Request(action, resource, CONTEXT)
    effects = {
        statement.effect
        for statement in read_statements(json.loads(bucket.policy))
        if "*" in {name for names in (statement.principals or {}).values() for name in names}
        and applies(statement, request, request.keys())
    }
    if DENY in effects:
        return PermissionResult.DENIED
    return PermissionResult.PERMITTED if ALLOW in effects else PermissionResult.NEUTRAL
