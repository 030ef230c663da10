"""Whether the policy of a resource lets somebody do something. Pure, and sure or silent.

Identity policies are IAM's to simulate. What a bucket, a key or a VPC endpoint says is read here,
and only as far as it is plain: a condition that only a real call decides gives no answer.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]
EVERYONE = "*"


@dataclass(frozen=True)
class Asked:
    """A role of an account that does something with a resource, over TLS as all clients do."""

    role: str
    action: str
    resource: str

    @property
    def account(self) -> str:
        return self.role.split(":")[4]

    @property
    def names(self) -> set[str]:
        """What a principal may call it; its account means that its own policies decide."""
        partition = self.role.split(":")[1]
        root = f"arn:{partition}:iam::{self.account}:root"
        return {EVERYONE, self.role, self.account, root}


def lets(document: Document, asked: Asked) -> bool | None:
    """Whether the policy alone lets it be done; None where conditions hide that."""
    sure, unsure = {"Allow": False, "Deny": False}, {"Allow": False, "Deny": False}
    for statement in listed(document.get("Statement", [])):
        holds = _speaks_of(statement, asked)
        sure[statement["Effect"]] |= holds is True
        unsure[statement["Effect"]] |= holds is None
    if sure["Deny"]:
        return False
    if sure["Allow"]:
        return None if unsure["Deny"] else True
    return None if unsure["Allow"] else False


def denies(document: Document, asked: Asked) -> bool:
    """Whether the policy surely forbids it, whatever others allow."""
    return any(
        statement["Effect"] == "Deny" and _speaks_of(statement, asked)
        for statement in listed(document.get("Statement", []))
    )


def listed(value: Any) -> Iterator[Any]:
    """One value, or each of several."""
    yield from value if isinstance(value, list | tuple) else [value]


def _speaks_of(statement: Mapping[str, Any], asked: Asked) -> bool | None:
    answers = (
        _principal(statement, asked),
        _element(statement, "Action", asked.action.lower()),
        _element(statement, "Resource", asked.resource),
        _conditions(statement.get("Condition", {}), asked),
    )
    if False in answers:
        return False
    return None if None in answers else True


def _principal(statement: Mapping[str, Any], asked: Asked) -> bool | None:
    if "NotPrincipal" in statement:
        return None
    given = statement.get("Principal", EVERYONE)
    if given == EVERYONE:
        return True
    names = {str(name) for name in listed(given.get("AWS", []))}
    # A session of the role has a name that nobody knows before.
    return bool(names & asked.names) or (None if _has_sessions(names) else False)


def _has_sessions(names: Collection[str]) -> bool:
    return any(":assumed-role/" in name or name.startswith("AROA") for name in names)


def _element(statement: Mapping[str, Any], element: str, value: str) -> bool | None:
    """Whether `Action` or `Resource`, or what leaves some of them out, means the value."""
    wanted = f"Not{element}" not in statement
    given = statement.get(element if wanted else f"Not{element}", EVERYONE)
    patterns = [str(pattern) for pattern in listed(given)]
    if element == "Action":
        patterns = [pattern.lower() for pattern in patterns]
    if any("${" in pattern for pattern in patterns):
        return None
    return wanted == any(fnmatch.fnmatchcase(value, _plain(pattern)) for pattern in patterns)


def _plain(pattern: str) -> str:
    """IAM knows no sets of characters."""
    return pattern.replace("[", "[[]")


def _conditions(conditions: Mapping[str, Any], asked: Asked) -> bool | None:
    known = {
        "aws:principalaccount": asked.account,
        "aws:principalarn": asked.role,
        "aws:securetransport": "true",
    }
    answers = [
        _condition(operator, known.get(key.lower()), [str(value) for value in listed(values)])
        for operator, keys in conditions.items()
        for key, values in keys.items()
    ]
    if False in answers:
        return False
    return None if None in answers else True


def _condition(operator: str, value: str | None, wanted: list[str]) -> bool | None:
    """One that compares something known in a way that is known."""
    name = operator.removesuffix("IfExists")
    if value is None or any("${" in one for one in wanted):
        return None
    if name == "Bool":
        return value in [one.lower() for one in wanted]
    if name in ("StringEquals", "StringNotEquals"):
        return (value in wanted) == (name == "StringEquals")
    if name in ("ArnEquals", "ArnLike", "StringLike"):
        return any(fnmatch.fnmatchcase(value, _plain(one)) for one in wanted)
    if name in ("ArnNotEquals", "ArnNotLike", "StringNotLike"):
        return not any(fnmatch.fnmatchcase(value, _plain(one)) for one in wanted)
    return None
