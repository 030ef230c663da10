"""Roles are made where the settings name none, with their trust and one inline policy."""

import dataclasses
import json

import pytest

from statemachine.policies import role_documents

MADE = "breedline-eu-west-1-"
ASSUMED = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


def with_roles(loaded, **roles):
    return dataclasses.replace(loaded, roles=dataclasses.replace(loaded.roles, **roles))


@pytest.fixture
def made(upsert):
    upsert()


def with_policy(loaded, actor, action):
    """The documents, with another action in the first statement of an actor."""
    documents = role_documents(loaded)
    documents[actor]["policy"]["Statement"][0]["Action"] = [action]
    return documents


def test_a_role_has_its_trust_its_policy_and_the_tags(made, clients, local):
    iam, name = clients("iam"), f"{MADE}workflow"
    role = iam.get_role(RoleName=name)["Role"]
    expected = role_documents(local)["workflow"]
    assert role["AssumeRolePolicyDocument"] == expected["trust"]
    assert {tag["Key"]: tag["Value"] for tag in role["Tags"]} == local.tags
    policy = iam.get_role_policy(RoleName=name, PolicyName="breedline")["PolicyDocument"]
    assert policy == expected["policy"]


def test_a_role_that_the_settings_name_is_left_alone(clients, local, upsert):
    iam = clients("iam")
    made = iam.create_role(RoleName="theirs", AssumeRolePolicyDocument=ASSUMED)
    theirs = made["Role"]["Arn"]
    upsert(with_roles(local, predict=theirs, events="theirs-too"))
    listed = {role["RoleName"] for role in iam.list_roles()["Roles"]}
    assert listed - {"theirs"} == {f"{MADE}endpoint", f"{MADE}smoke-test", f"{MADE}workflow"}
    found = clients("lambda").get_function_configuration(FunctionName="breedline-predict")
    assert found["Role"] == theirs


def test_a_changed_policy_is_shown_by_the_name_of_its_statement(made, local, replan):
    (change,) = replan(roles=with_policy(local, "predict", "sagemaker:InvokeEndpointAsync"))
    assert (change.kind, change.name) == ("update", f"{MADE}predict")
    assert change.diff == (
        'policy.Statement.Ask.Action[0]: "sagemaker:InvokeEndpoint" -> '
        '"sagemaker:InvokeEndpointAsync"',
    )


def test_a_changed_policy_is_put(made, local, upsert, replan):
    roles = with_policy(local, "predict", "sagemaker:InvokeEndpointAsync")
    (result,) = upsert(roles=roles)
    assert result.detail == f"arn:aws:iam::123456789012:role/{MADE}predict"
    assert replan(roles=roles) == []


def test_a_trust_that_somebody_changed_is_put_back(made, clients, upsert, replan):
    clients("iam").update_assume_role_policy(RoleName=f"{MADE}events", PolicyDocument=ASSUMED)
    (change,) = replan()
    assert change.reason == "trust differs"
    upsert()
    assert replan() == []


def test_a_role_that_lost_its_policy_is_mended(made, clients, upsert, replan):
    clients("iam").delete_role_policy(RoleName=f"{MADE}predict", PolicyName="breedline")
    assert [result.change.reason for result in upsert()] == ["policy differs"]
    assert replan() == []
