"""A bucket's policy is read with its conditions."""

import json
from types import SimpleNamespace

import pytest
from moto.iam.access_control import PermissionResult

from local.iam.buckets import _permission

OBJECT = "arn:aws:s3:::photos/1.jpg"


def bucket(**statement):
    whole = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": OBJECT, **statement}
    policy = {"Version": "2012-10-17", "Statement": [whole]}
    return SimpleNamespace(policy=json.dumps(policy).encode())


@pytest.mark.parametrize(
    ("statement", "result"),
    [
        ({}, PermissionResult.DENIED),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}, PermissionResult.NEUTRAL),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, PermissionResult.DENIED),
        ({"Principal": {"AWS": "arn:aws:iam::1:role/x"}}, PermissionResult.NEUTRAL),
        ({"Resource": "arn:aws:s3:::letters/*"}, PermissionResult.NEUTRAL),
        ({"Effect": "Allow"}, PermissionResult.PERMITTED),
    ],
)
def test_a_statement_decides_where_its_condition_holds(statement, result):
    assert _permission(bucket(**statement), "s3:GetObject", OBJECT) is result


def test_without_a_policy_nothing_is_decided():
    nothing = SimpleNamespace(policy=None)
    assert _permission(nothing, "s3:GetObject", OBJECT) is PermissionResult.NEUTRAL
