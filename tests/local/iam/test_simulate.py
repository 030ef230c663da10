"""SimulatePrincipalPolicy through boto3, decided by the policies that IAM holds."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.iam.simulate import answer_simulations

BUCKET = "arn:aws:s3:::photos/*"
READ = {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": BUCKET}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture(scope="module")
def iam():
    answer_simulations()
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    with mock_aws():
        yield boto3.client("iam", "eu-west-1", **keys)


@pytest.fixture(scope="module")
def role(iam):
    arn = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    passing = {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": "*",
        "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    }
    denied = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::photos/secret"}
    policy = document(READ, passing, denied)
    iam.put_role_policy(RoleName="reader", PolicyName="p", PolicyDocument=policy)
    return arn


def decisions(iam, arn, actions, resources, **context):
    entries = [
        {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for key, value in context.items()
    ]
    pages = iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=arn, ActionNames=actions, ResourceArns=resources, ContextEntries=entries
    )
    found = [result for page in pages for result in page["EvaluationResults"]]
    return [(one["EvalActionName"], one["EvalResourceName"], one["EvalDecision"]) for one in found]


def test_each_action_is_decided_on_each_resource(iam, role):
    places = ["arn:aws:s3:::photos/dog.jpg", "arn:aws:s3:::photos/secret"]
    assert decisions(iam, role, ["s3:GetObject", "s3:PutObject"], places) == [
        ("s3:GetObject", places[0], "allowed"),
        ("s3:GetObject", places[1], "explicitDeny"),
        ("s3:PutObject", places[0], "implicitDeny"),
        ("s3:PutObject", places[1], "implicitDeny"),
    ]


def test_the_context_decides_about_conditions(iam, role):
    key = "iam:PassedToService"
    for service, outcome in (("sagemaker", "allowed"), ("lambda", "implicitDeny")):
        context = {key: f"{service}.amazonaws.com"}
        assert decisions(iam, role, ["iam:PassRole"], ["*"], **context)[0][2] == outcome


def test_a_boundary_bounds_what_the_policy_gives(iam):
    boundary = iam.create_policy(
        PolicyName="bound",
        PolicyDocument=document({"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}),
    )["Policy"]["Arn"]
    arn = iam.create_role(
        RoleName="bounded", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=boundary
    )["Role"]["Arn"]
    iam.put_role_policy(RoleName="bounded", PolicyName="p", PolicyDocument=document(READ))
    found = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["s3:GetObject"], ResourceArns=["arn:aws:s3:::photos/a"]
    )["EvaluationResults"][0]
    assert found["EvalDecision"] == "implicitDeny"
    assert found["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def test_users_have_their_own_policies_and_those_of_their_groups(iam):
    arn = iam.create_user(UserName="ada")["User"]["Arn"]
    iam.create_group(GroupName="readers")
    iam.add_user_to_group(GroupName="readers", UserName="ada")
    iam.put_group_policy(GroupName="readers", PolicyName="p", PolicyDocument=document(READ))
    place = "arn:aws:s3:::photos/dog.jpg"
    outcomes = [d[2] for d in decisions(iam, arn, ["s3:GetObject", "sqs:SendMessage"], [place])]
    assert outcomes == ["allowed", "implicitDeny"]


def test_the_servers_own_user_may_do_everything(iam):
    own = "arn:aws:sts::123456789012:user/moto"
    assert decisions(iam, own, ["iam:CreateRole"], ["*"]) == [("iam:CreateRole", "*", "allowed")]


def test_nobody_is_refused(iam):
    with pytest.raises(ClientError) as refusal:
        decisions(iam, "arn:aws:iam::123456789012:role/nobody", ["s3:GetObject"], ["*"])
    assert refusal.value.response["Error"]["Code"] == "NoSuchEntity"
    assert "role/nobody" in refusal.value.response["Error"]["Message"]
