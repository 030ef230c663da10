"""IAM's rules as JSON cases: the policies, the requests, what comes of them."""

import json
from pathlib import Path

import pytest

from local.errors import ApiError
from local.iam.evaluation import Request, evaluate, lets_in, read_policies

CASES = [
    pytest.param(case, id=f"{path.stem}: {case['name']}")
    for path in sorted((Path(__file__).parent / "cases").glob("*.json"))
    for case in json.loads(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("case", CASES)
def test_a_request_is_decided_as_on_aws(case):
    policies = read_policies(
        [_document(statements, case) for statements in case.get("identity", [])],
        _document(case["boundary"], case) if "boundary" in case else None,
        _document(case["resource_policy"], case) if "resource_policy" in case else None,
    )
    for asked in case["requests"]:
        action, resource, context = (*asked["is"], {})[:3]
        request = Request(action, resource, context, principal=case.get("principal", ""))
        across = case.get("across_accounts", False)
        decision = lets_in(request, policies.resource) if across else evaluate(request, policies)
        assert decision.outcome == asked["outcome"], asked
        if "by" in asked:
            sid = decision.statement.sid if decision.statement else ""
            assert [decision.policy, sid] == asked["by"], asked


@pytest.mark.parametrize(
    "statement, words",
    [
        ({"Effect": "Permit", "Action": "*", "Resource": "*"}, "must be Allow or Deny"),
        ({"Effect": "Allow", "Resource": "*"}, "one of Action and NotAction"),
        ({"Effect": "Allow", "Action": "a:B", "Resource": "*", "NotResource": "*"}, "both"),
    ],
)
def test_a_malformed_statement_is_refused(statement, words):
    with pytest.raises(ApiError, match=words):
        read_policies([{"Statement": statement}])


def test_an_operator_that_iam_does_not_have_is_refused():
    statement = {
        "Effect": "Allow",
        "Action": "*",
        "Resource": "*",
        "Condition": {"StringIs": {"aws:username": "ana"}},
    }
    with pytest.raises(ApiError, match="StringIs"):
        evaluate(Request("s3:GetObject", "*"), read_policies([{"Statement": statement}]))


def _document(statements, case):
    return {"Version": case.get("version", "2012-10-17"), "Statement": statements}
