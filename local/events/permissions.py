"""May EventBridge reach a target? The target's own policy decides, as on AWS.

Roles are accepted without a look at what they allow, here as everywhere on the embedded AWS.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Mapping
from typing import Any

SERVICE = "events.amazonaws.com"
SAME = {"ArnEquals", "ArnLike", "StringEquals", "StringLike"}
OTHER = {"ArnNotEquals", "ArnNotLike", "StringNotEquals", "StringNotLike"}


def allows(policy: str, action: str, source_arn: str, account: str) -> bool:
    """Whether a resource's policy (JSON, may be empty) lets a rule do `action`."""
    statements = _listed(json.loads(policy).get("Statement")) if policy else []
    context = {"aws:sourcearn": source_arn, "aws:sourceaccount": account}
    fitting = [s for s in statements if _fits(s, action, context)]
    return bool(fitting) and all(s.get("Effect") == "Allow" for s in fitting)


def _fits(statement: Mapping[str, Any], action: str, context: Mapping[str, str]) -> bool:
    return (
        _is_service(statement.get("Principal"))
        and _covers(statement.get("Action"), action)
        and _conditions_hold(statement.get("Condition") or {}, context)
    )


def _is_service(principal: Any) -> bool:
    if isinstance(principal, dict):
        return bool({SERVICE, "*"} & {*_listed(principal.get("Service")), *_everyone(principal)})
    return principal in ("*", SERVICE)


def _everyone(principal: Mapping[str, Any]) -> Iterable[str]:
    return (name for name in _listed(principal.get("AWS")) if name == "*")


def _covers(actions: Any, action: str) -> bool:
    return any(
        fnmatch.fnmatchcase(action.lower(), str(pattern).lower()) for pattern in _listed(actions)
    )


def _conditions_hold(conditions: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    return all(
        _holds(operator, context.get(key.lower()), _listed(values))
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )


def _holds(operator: str, actual: str | None, values: list[Any]) -> bool:
    operator = operator.removesuffix("IfExists")
    if operator in SAME | OTHER:
        same = any(fnmatch.fnmatchcase(actual or "", str(value)) for value in values)
        return same if operator in SAME else not same
    if operator == "Bool":  # aws:SecureTransport and its like: EventBridge always uses TLS
        return all(str(value).lower() == "true" for value in values)
    return False  # a condition on something that EventBridge does not send


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
