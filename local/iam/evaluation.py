"""Whether a request is allowed, and by what: IAM's rules, within an account and across two.

An explicit deny in any policy wins. Otherwise the identity's policies must allow the request, and
its permissions boundary too when it has one; or the resource's own policy allows the principal.
What a resource's policy gives to a role stays within the role's boundary; what it gives to one
session of a role, or to a user, does not. Service and resource control policies are an
organisation's, and session policies nobody's here: they are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from local.iam.conditions import holds
from local.iam.documents import ALLOW, DENY, Statement, read_statements
from local.iam.patterns import Context, action_matches, resource_matches

ALLOWED, EXPLICITLY_DENIED, IMPLICITLY_DENIED = "allowed", "explicitDeny", "implicitDeny"
IDENTITY, BOUNDARY, RESOURCE = "identity", "boundary", "resource"


@dataclass(frozen=True)
class Request:
    """What is asked: one action on one resource. `principal` is the caller's ARN."""

    action: str
    resource: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    principal: str = ""

    def keys(self) -> Context:
        """The condition keys, which have no case, with their values in lists."""
        return {
            key.lower(): [value] if isinstance(value, str) else list(value)
            for key, value in self.context.items()
        }


@dataclass(frozen=True)
class Policies:
    """The policies that have a say; without a boundary nothing bounds the identity's.

    `trust` says who may be that identity, where it is a role's.
    """

    identity: tuple[Statement, ...] = ()
    boundary: tuple[Statement, ...] | None = None
    resource: tuple[Statement, ...] = ()
    trust: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Decision:
    """The outcome, and the statement that decided; of an implicit deny, the policy that is silent.

    `policy` is `identity`, `boundary` or `resource`.
    """

    outcome: str
    policy: str
    statement: Statement | None = None

    @property
    def allowed(self) -> bool:
        return self.outcome == ALLOWED


def read_policies(
    identity: Iterable[Mapping[str, Any]],
    boundary: Mapping[str, Any] | None = None,
    resource: Mapping[str, Any] | None = None,
) -> Policies:
    """Policies from their documents; raises ApiError for a malformed one."""
    return Policies(
        tuple(statement for document in identity for statement in read_statements(document)),
        None if boundary is None else read_statements(boundary),
        () if resource is None else read_statements(resource),
    )


def evaluate(request: Request, policies: Policies) -> Decision:
    """Decide about one request."""
    context = request.keys()
    names = _names_at_home(request.principal)
    named = [s for s in policies.resource if _names(s, names)]
    sides = ((IDENTITY, policies.identity), (BOUNDARY, policies.boundary or ()), (RESOURCE, named))
    for policy, statements in sides:
        if denying := _first(statements, DENY, request, context):
            return Decision(EXPLICITLY_DENIED, policy, denying)
    bounded = policies.boundary is not None and not _first(
        policies.boundary, ALLOW, request, context
    )
    giving = _first(named, ALLOW, request, context)
    if giving and not (bounded and _gives_to_role(giving, request.principal)):
        return Decision(ALLOWED, RESOURCE, giving)
    allowing = _first(policies.identity, ALLOW, request, context)
    if allowing and not bounded:
        return Decision(ALLOWED, IDENTITY, allowing)
    return Decision(IMPLICITLY_DENIED, BOUNDARY if allowing else IDENTITY)


def lets_in(request: Request, policy: Iterable[Statement]) -> Decision:
    """Whether a resource's policy lets a caller of another account in.

    That is one half: the caller's own policies must allow the request too, which its own account
    looks at.
    """
    context, names = request.keys(), _names_abroad(request.principal)
    named = [s for s in policy if _names(s, names)]
    if denying := _first(named, DENY, request, context):
        return Decision(EXPLICITLY_DENIED, RESOURCE, denying)
    giving = _first(named, ALLOW, request, context)
    return Decision(ALLOWED if giving else IMPLICITLY_DENIED, RESOURCE, giving)


def applies(statement: Statement, request: Request, context: Context) -> bool:
    """Whether a statement, of whichever effect, speaks of the request."""
    return (
        _action(statement, request.action)
        and _resource(statement, request.resource, context)
        and holds(statement, context)
    )


def _first(
    statements: Iterable[Statement], effect: str, request: Request, context: Context
) -> Statement | None:
    found = (s for s in statements if s.effect == effect and applies(s, request, context))
    return next(found, None)


def _action(statement: Statement, action: str) -> bool:
    if statement.actions is not None:
        return any(action_matches(pattern, action) for pattern in statement.actions)
    return not any(action_matches(pattern, action) for pattern in statement.not_actions or ())


def _resource(statement: Statement, resource: str, context: Context) -> bool:
    def named(patterns: Sequence[str]) -> bool:
        return any(
            resource_matches(pattern, resource, context, statement.has_variables)
            for pattern in patterns
        )

    if statement.resources is not None:
        return named(statement.resources)
    # A policy of a resource may leave the element out: it means that resource.
    return not named(statement.not_resources or ())


def _names(statement: Statement, names: Set[str]) -> bool:
    """Whether a statement's principals have one of the caller's names."""
    if statement.not_principals is not None:
        return not names & _listed(statement.not_principals)
    return bool(names & _listed(statement.principals or {}))


def _names_at_home(principal: str) -> Set[str]:
    """Everyone, itself, the role of its session.

    The whole account, named by number or as root, means that its own policies decide.
    """
    return {"*", principal, _role_of(principal)}


def _names_abroad(principal: str) -> Set[str]:
    """There the whole account may be named: which of its roles may come is its own affair."""
    partition, account = principal.split(":")[1], principal.split(":")[4]
    return {*_names_at_home(principal), account, f"arn:{partition}:iam::{account}:root"}


def _listed(principals: Mapping[str, Sequence[str]]) -> Set[str]:
    return {name for listed in principals.values() for name in listed}


def _gives_to_role(statement: Statement, principal: str) -> bool:
    names = _listed(statement.principals or {})
    return principal not in names and _role_of(principal) in names


def _role_of(principal: str) -> str:
    """`arn:aws:sts::1:assumed-role/name/session` -> `arn:aws:iam::1:role/name`."""
    head, found, rest = principal.partition(":assumed-role/")
    if not found:
        return principal
    return f"{head.replace(':sts:', ':iam:')}:role/{rest.partition('/')[0]}"
