"""Policy documents as values: statements with what they name, in lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.errors import ApiError

ALLOW, DENY = "Allow", "Deny"
NEWEST = "2012-10-17"  # older documents know no variables


@dataclass(frozen=True)
class Statement:
    """One statement. An element that it leaves out is None; a single value is a list of one."""

    effect: str
    sid: str = ""
    actions: tuple[str, ...] | None = None
    not_actions: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None
    not_resources: tuple[str, ...] | None = None
    principals: Mapping[str, tuple[str, ...]] | None = None
    not_principals: Mapping[str, tuple[str, ...]] | None = None
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    has_variables: bool = True


def read_statements(document: Mapping[str, Any]) -> tuple[Statement, ...]:
    """The statements of a document; raises ApiError, MalformedPolicyDocument, for what is none."""
    version = document.get("Version", "2008-10-17")
    found = document.get("Statement", [])
    statements = [found] if isinstance(found, Mapping) else found
    return tuple(_read(statement, version == NEWEST) for statement in statements)


def _read(statement: Mapping[str, Any], has_variables: bool) -> Statement:
    effect = statement.get("Effect")
    if effect not in (ALLOW, DENY):
        raise _malformed(f"The Effect {effect!r} must be Allow or Deny.")
    if ("Action" in statement) == ("NotAction" in statement):
        raise _malformed(f"The statement {_name(statement)} needs one of Action and NotAction.")
    if "Resource" in statement and "NotResource" in statement:
        raise _malformed(f"The statement {_name(statement)} has both Resource and NotResource.")
    return Statement(
        effect=effect,
        sid=str(statement.get("Sid", "")),
        actions=_texts(statement, "Action"),
        not_actions=_texts(statement, "NotAction"),
        resources=_texts(statement, "Resource"),
        not_resources=_texts(statement, "NotResource"),
        principals=_principals(statement.get("Principal")),
        not_principals=_principals(statement.get("NotPrincipal")),
        conditions={
            operator: {key: tuple(_listed(values)) for key, values in keys.items()}
            for operator, keys in statement.get("Condition", {}).items()
        },
        has_variables=has_variables,
    )


def _texts(statement: Mapping[str, Any], element: str) -> tuple[str, ...] | None:
    return tuple(_listed(statement[element])) if element in statement else None


def _principals(given: Any) -> Mapping[str, tuple[str, ...]] | None:
    if given is None:
        return None
    if given == "*":
        return {"*": ("*",)}
    return {kind: tuple(_listed(names)) for kind, names in given.items()}


def _listed(value: Any) -> Iterator[str]:
    """One value or a list of them, as texts; JSON's true is `true`."""
    for item in value if isinstance(value, list | tuple) else [value]:
        yield str(item).lower() if isinstance(item, bool) else str(item)


def _name(statement: Mapping[str, Any]) -> str:
    return str(statement.get("Sid") or "without a Sid")


def _malformed(message: str) -> ApiError:
    return ApiError("MalformedPolicyDocument", message)
