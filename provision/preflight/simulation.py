"""Which permissions of a statement somebody lacks, by IAM's own simulation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from statemachine.statements import Statement, document

ALLOWED = "allowed"


def lacking(iam: Any, principal: str, statements: Iterable[Statement]) -> list[Statement]:
    """Of each statement what the principal may not, as statements that would allow it."""
    found = []
    for statement in statements:
        denied = _denied(iam, principal, statement)
        if denied:
            actions = sorted({action for action, _ in denied})
            resources = [
                one for one in statement["Resource"] if one in {place for _, place in denied}
            ]
            found.append({**statement, "Action": actions, "Resource": resources})
    return found


def described(statements: Iterable[Statement], most: int = 4) -> str:
    """The actions, in a few words."""
    actions = sorted({action for statement in statements for action in statement["Action"]})
    more = f" and {len(actions) - most} more" if len(actions) > most else ""
    return f"{', '.join(actions[:most])}{more}"


def policy_of(statements: Iterable[Statement]) -> dict[str, Any]:
    """A document to paste."""
    return document(list(statements))


def _denied(iam: Any, principal: str, statement: Statement) -> set[tuple[str, str]]:
    """(action, resource) pairs that IAM would not allow."""
    pages = iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=principal,
        ActionNames=statement["Action"],
        ResourceArns=statement["Resource"],
        ContextEntries=_context(statement.get("Condition", {})),
    )
    return {
        (result["EvalActionName"], place)
        for page in pages
        for result in page["EvaluationResults"]
        for place, decision in _decisions(result)
        if decision != ALLOWED
    }


def _decisions(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The decisions of a result: AWS gives those about several resources in a list of their own."""
    each = result.get("ResourceSpecificResults") or []
    if each:
        return [(str(one["EvalResourceName"]), str(one["EvalResourceDecision"])) for one in each]
    return [(str(result["EvalResourceName"]), str(result["EvalDecision"]))]


def _context(conditions: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Keys with which the statement's own conditions hold: what is really presented."""
    return [
        {
            "ContextKeyName": key,
            "ContextKeyValues": [values] if isinstance(values, str) else list(values[:1]),
            "ContextKeyType": "stringList" if operator.startswith("For") else "string",
        }
        for operator, keys in conditions.items()
        for key, values in keys.items()
    ]
