"""The target's policy decides whether a rule may reach it."""

import json

import pytest

from local.events.permissions import allows

ACCOUNT = "123456789012"
RULE = f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/approved"
SERVICE = {"Service": "events.amazonaws.com"}


def policy(*statements):
    base = {"Effect": "Allow", "Principal": SERVICE, "Action": "sqs:SendMessage", "Resource": "*"}
    return json.dumps({"Statement": [base | statement for statement in statements]})


@pytest.mark.parametrize(
    "statement",
    [
        {},
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"Service": ["cloudwatch.amazonaws.com", "events.amazonaws.com"]}},
        {"Action": "sqs:*"},
        {"Action": ["sqs:ReceiveMessage", "SQS:SendMessage"]},
        {"Condition": {"ArnEquals": {"aws:SourceArn": RULE}}},
        {"Condition": {"ArnLike": {"AWS:SourceArn": RULE.replace("approved", "app*")}}},
        {"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}},
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
    ],
)
def test_it_may(statement):
    assert allows(policy(statement), "sqs:SendMessage", RULE, ACCOUNT)


@pytest.mark.parametrize(
    "statement",
    [
        {"Principal": {"Service": "cloudwatch.amazonaws.com"}},
        {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}},
        {"Action": "sqs:ReceiveMessage"},
        {"Condition": {"ArnEquals": {"aws:SourceArn": RULE + "-other"}}},
        {"Condition": {"StringEquals": {"aws:SourceAccount": "210987654321"}}},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
        {"Effect": "Deny"},
    ],
)
def test_it_may_not(statement):
    assert not allows(policy(statement), "sqs:SendMessage", RULE, ACCOUNT)


def test_no_policy_allows_nothing():
    assert not allows("", "sqs:SendMessage", RULE, ACCOUNT)


def test_a_denial_wins():
    assert not allows(policy({}, {"Effect": "Deny"}), "sqs:SendMessage", RULE, ACCOUNT)


def test_a_demand_for_tls_denies_nothing():
    unencrypted = {"Condition": {"Bool": {"aws:SecureTransport": "false"}}, "Principal": "*"}
    statements = policy({}, {"Effect": "Deny", "Action": "sqs:*", **unencrypted})
    assert allows(statements, "sqs:SendMessage", RULE, ACCOUNT)
