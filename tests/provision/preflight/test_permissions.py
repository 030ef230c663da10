"""What callers and roles lack, simulated by IAM."""

import json
from dataclasses import replace

import boto3
import pytest

from provision.change import Clients
from provision.preflight.callers import USUAL, caller_statements
from provision.preflight.callers.documents import LARGEST, policies, size_of
from provision.preflight.permissions import check_caller, check_role_permissions, next_commands

ACCOUNT = "123456789012"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


@pytest.fixture
def as_operator(world):
    """Preflight's subject in the hands of a session of a role, with one action less if asked."""

    def make(without="", commands=USUAL):
        statements = [
            {**one, "Action": [action for action in one["Action"] if action != without]}
            for one in caller_statements(world.settings)
        ]
        policy = {
            "Version": "2012-10-17",
            "Statement": [one for one in statements if one["Action"]],
        }
        iam, path = world.clients("iam"), "/people/"
        iam.create_role(RoleName="operator", Path=path, AssumeRolePolicyDocument=TRUST)
        iam.put_role_policy(RoleName="operator", PolicyName="p", PolicyDocument=json.dumps(policy))
        arn = f"arn:aws:iam::{ACCOUNT}:role{path}operator"
        made = world.clients("sts").assume_role(RoleArn=arn, RoleSessionName="ada")["Credentials"]
        keys = {
            "aws_access_key_id": made["AccessKeyId"],
            "aws_secret_access_key": made["SecretAccessKey"],
            "aws_session_token": made["SessionToken"],
        }
        clients = Clients(lambda service: boto3.client(service, "eu-west-1", **keys))
        return replace(world.bare, clients=clients, commands=commands)

    return make


def test_a_role_with_the_least_policy_may_do_all(as_operator):
    assert [*check_caller(as_operator())] == []


def test_a_session_lacks_what_its_role_lacks_whatever_its_path(as_operator):
    (found,) = check_caller(as_operator(without="sagemaker:CreatePipeline"))
    assert (found.level, found.about) == ("fault", "caller operator")
    assert found.problem == "it may not sagemaker:CreatePipeline for upsert"
    (statement,) = found.policy["Statement"]
    assert statement["Resource"] == [f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:pipeline/breedline"]


def test_passing_a_role_is_asked_for_each_service(as_operator):
    (found,) = check_caller(as_operator(without="iam:PassRole"))
    passed = {
        statement["Condition"]["StringEquals"]["iam:PassedToService"]
        for statement in found.policy["Statement"]
    }
    assert passed == {
        f"{service}.amazonaws.com" for service in ("events", "lambda", "sagemaker", "states")
    }


def test_what_is_missing_is_told_by_command_and_given_as_one_policy(as_operator):
    (found,) = check_caller(as_operator(commands=("status", "predict")))
    assert found.problem.endswith("and 5 more for status; lambda:InvokeFunction for predict")
    sids = [statement["Sid"] for statement in found.policy["Statement"]]
    assert "StatusEndpoint" in sids and "PredictAsk" in sids
    assert found.remedy == "attach this policy to it"


def test_a_policy_too_large_for_iam_says_where_it_comes_in_parts(as_operator):
    (found,) = check_caller(as_operator(commands=("ec2-train", "destroy")))
    assert size_of(found.policy) > LARGEST
    assert found.remedy.endswith("`show caller --for ec2-train,destroy` prints such parts")


def test_parts_are_small_enough_and_together_the_whole(world):
    statements = caller_statements(world.settings, ["ec2-train", "destroy"])
    parts = policies(statements)
    assert len(parts) > 1
    assert all(size_of(part) <= LARGEST for part in parts)

    def pairs(found):
        return {(action, place) for s in found for action in s["Action"] for place in s["Resource"]}

    assert pairs(s for part in parts for s in part["Statement"]) == pairs(statements)


def test_bootstrap_comes_first_where_the_stack_is_still_to_make_the_role(world):
    assert next_commands(world.bare) == ("bootstrap", *USUAL)
    world.put_role("pipeline", "breedline-execution")
    assert next_commands(world.bare) == USUAL
    world.change(foundation={"roles": False}, aws={"role_name": "somebody-elses"})
    assert next_commands(world.bare) == USUAL


def test_what_is_pasted_is_all_that_is_missing(world):
    world.put_role("pipeline", "breedline-execution", without="iam:PassRole")
    world.put_role("jobs", "jobs")
    (found,) = check_role_permissions(world.bare)
    iam = world.clients("iam")
    iam.put_role_policy(
        RoleName="breedline-execution", PolicyName="more", PolicyDocument=json.dumps(found.policy)
    )
    assert [*check_role_permissions(world.bare)] == []
