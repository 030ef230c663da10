"""SimulatePrincipalPolicy: what a role or a user may do, asked without doing it.

moto does not know the action. Decided by the same evaluation that refuses calls; the server's own
user, which is no role's session, may do everything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.exceptions import IAMException, NotFoundException
from moto.iam.models import iam_backends
from moto.iam.responses import IamResponse

from local.errors import ApiError
from local.iam.evaluation import (
    BOUNDARY,
    Decision,
    Policies,
    Request,
    evaluate,
    read_policies,
)
from local.iam.needs import EVERYTHING
from local.iam.roles import EVERYTHING as ALL_ALLOWED
from local.iam.roles import document_of, policies_of

OWN_USER = ":user/moto"  # moto's name for keys that are nobody's


def answer_simulations() -> None:
    """Let moto's IAM answer SimulatePrincipalPolicy, in this process."""
    IamResponse.simulate_principal_policy = _over_http


def simulate(
    policies: Policies,
    principal: str,
    actions: Sequence[str],
    resources: Sequence[str],
    context: Mapping[str, Sequence[str]],
) -> Iterator[dict[str, Any]]:
    """The results as the API gives them, one for each action on each resource."""
    for action in actions:
        for resource in resources:
            decision = evaluate(Request(action, resource, context, principal), policies)
            yield _result(action, resource, decision, policies)


def policies_of_principal(arn: str) -> Policies | None:
    """The policies of a role or a user; None when there is neither."""
    if arn.endswith(OWN_USER):
        return read_policies([ALL_ALLOWED])
    if ":role/" in arn:
        return policies_of(arn)
    return _policies_of_user(arn)


def _policies_of_user(arn: str) -> Policies | None:
    _, partition, _, _, account, _ = arn.split(":", 5)
    backend = iam_backends[account][partition]
    found: Any = next((user for user in backend.users.values() if user.arn == arn), None)
    if found is None:
        return None
    owners = [found, *backend.get_groups_for_user(found.name)]
    inline = [json.loads(text) for owner in owners for text in owner.policies.values()]
    attached = [
        document_of(policy) for owner in owners for policy in owner.managed_policies.values()
    ]
    return read_policies([*inline, *attached])


def _result(action: str, resource: str, decision: Decision, policies: Policies) -> dict[str, Any]:
    matched = [{"SourcePolicyId": decision.policy}] if decision.statement else []
    result: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": decision.outcome,
        "MatchedStatements": matched,
        "MissingContextValues": [],
    }
    if policies.boundary is not None:
        bounded = decision.policy == BOUNDARY and not decision.allowed
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": not bounded}
    return result


def _over_http(response: Any) -> ActionResult:
    """One request, which moto has parsed."""
    principal = str(response._get_param("PolicySourceArn"))
    try:
        policies = policies_of_principal(principal)
        if policies is None:
            raise NotFoundException(f"No role or user has the ARN {principal}.")
        found = list(
            simulate(
                policies,
                principal,
                response._get_param("ActionNames") or [],
                response._get_param("ResourceArns") or [EVERYTHING],
                _context(response._get_param("ContextEntries") or []),
            )
        )
    except ApiError as error:
        raise _as_moto(error) from error
    return ActionResult({"EvaluationResults": found, "IsTruncated": False})


def _context(entries: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    return {
        str(entry["ContextKeyName"]): [str(value) for value in entry["ContextKeyValues"]]
        for entry in entries
    }


def _as_moto(error: ApiError) -> IAMException:
    fault = IAMException(error.message)
    fault.code = error.code
    return fault
