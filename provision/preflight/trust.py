"""Whether a service may assume a role by its trust policy. Pure.

Only what services present is decided about: the service, and the account they act for. A condition
on anything else cannot be judged from here.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from typing import Any

ASSUME = ("sts:assumerole", "sts:*", "*")
EQUAL = ("StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnLike", "ArnEquals")
ACCOUNT, SOURCE = "aws:sourceaccount", "aws:sourcearn"


def may_assume(document: Mapping[str, Any], service: str, account: str) -> bool | None:
    """Whether `service` may, when it acts for `account`; None where a condition hides it."""
    answers = {"Allow": False, "Deny": False}
    unknown = {"Allow": False, "Deny": False}
    for statement in _listed(document.get("Statement", [])):
        if not _names(statement, service):
            continue
        holds = _holds(statement.get("Condition", {}), account)
        answers[statement["Effect"]] |= holds is True
        unknown[statement["Effect"]] |= holds is None
    if answers["Deny"]:
        return False
    if answers["Allow"]:
        return None if unknown["Deny"] else True
    return None if unknown["Allow"] else False


def _names(statement: Mapping[str, Any], service: str) -> bool:
    principal = statement.get("Principal", {})
    services = _listed(principal.get("Service", [])) if principal != "*" else iter(["*"])
    actions = {str(action).lower() for action in _listed(statement.get("Action", []))}
    return bool({*services} & {service, "*"}) and bool(actions & {*ASSUME})


def _holds(conditions: Mapping[str, Any], account: str) -> bool | None:
    """Whether all conditions do; one that surely does not decides."""
    found = [
        _one(operator, key.lower(), values, account)
        for operator, keys in conditions.items()
        for key, values in keys.items()
    ]
    if False in found:
        return False
    return None if None in found else True


def _one(operator: str, key: str, values: Any, account: str) -> bool | None:
    if operator.removesuffix("IfExists") not in EQUAL:
        return None
    if key == ACCOUNT:
        return any(fnmatch.fnmatchcase(account, str(value)) for value in _listed(values))
    if key == SOURCE:
        owners = [
            str(value).split(":")[4] for value in _listed(values) if str(value).count(":") > 4
        ]
        return None if any(owner in (account, "*") for owner in owners) else False
    return None


def _listed(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list | tuple) else [value]
