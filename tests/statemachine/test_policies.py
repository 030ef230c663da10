"""The workflow's role may do what the machines' tasks do, where they do it, and no more."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator
from typing import Any

import pytest

from statemachine.names import ROLE_ACTORS, Names
from statemachine.policies import role_documents
from tests.statemachine.documents import (
    CASES,
    action_of,
    machines_of,
    request_of,
    tasks_of,
    with_kind,
)

PREFIXES = {"applicationautoscaling": "application-autoscaling", "sfn": "states"}
# What no task asks for by itself -> who does.
ON_BEHALF = {
    "cloudwatch:DeleteAlarms": "Application Auto Scaling, of its own alarms",
    "cloudwatch:DescribeAlarms": "SageMaker, of the alarms that an update names",
    "cloudwatch:PutMetricAlarm": "Application Auto Scaling, of its own alarms",
    "iam:CreateServiceLinkedRole": "Application Auto Scaling, at its first target",
    "iam:PassRole": "CreateModel, of the endpoint's role",
    "kms:CreateGrant": "SageMaker, for the volumes of an endpoint",
    "kms:Decrypt": "the key of the environment, wherever it encrypts",
    "kms:DescribeKey": "SageMaker, of a configuration's key",
    "kms:GenerateDataKey": "the key of the environment, wherever it encrypts",
    "sagemaker:UpdateEndpointWeightsAndCapacities": "Application Auto Scaling",
    **dict.fromkeys(
        (
            *("logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups"),
            *("logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries"),
            *("logs:PutResourcePolicy", "logs:UpdateLogDelivery"),
        ),
        "Step Functions, for the logs of the machines",
    ),
}
# Sids of statements for actions that know no resource.
EVERYWHERE = {"ScalingBefore", "MachineLogs", "Metrics", "ImageToken", "Network"}
every_case = pytest.mark.parametrize(("environment", "kind"), CASES)


def action(task: dict[str, Any]) -> str:
    """The IAM action of a task."""
    service, name = action_of(task)
    if (service, name) == ("lambda", "invoke"):
        return "lambda:InvokeFunction"
    return f"{PREFIXES.get(service, service)}:{name[0].upper()}{name[1:]}"


def resources(names: Names, task: dict[str, Any]) -> Iterator[str]:
    """The ARNs that a task's action is about."""
    request, (service, _) = request_of(task), action_of(task)
    kinds = {
        "ModelName": "model",
        "EndpointConfigName": "endpoint-config",
        "EndpointName": "endpoint",
        "ModelPackageGroupName": "model-package-group",
        "PipelineName": "pipeline",
    }
    if service == "sagemaker":
        yield from (
            names.arn("sagemaker", f"{kind}/{request[key]}")
            for key, kind in kinds.items()
            if key in request
        )
    elif service == "lambda":
        named = request["FunctionName"].rpartition(":")[2]
        qualifier = request.get("Qualifier")
        yield names.function_arn(f"{named}:{qualifier}" if qualifier else named)
    elif service == "dynamodb":
        yield names.arn("dynamodb", f"table/{request['TableName']}")
    elif service == "sns":
        yield request["TopicArn"]
    elif service == "ssm":
        yield names.arn("ssm", f"parameter{request['Name']}")
    for key in ("ModelPackageName", "ModelPackageArn", "ResourceArn", "ExecutionArn"):
        if key in request:
            # The examples are of one account.
            yield request[key].replace("123456789012", names.settings.aws.account_id)


def allows(document: dict[str, Any], wanted: str, resource: str) -> bool:
    return any(
        wanted in statement["Action"]
        and any(fnmatch.fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        for statement in document["Statement"]
    )


def workflow(environment: str, kind: str) -> tuple[Names, dict[str, Any]]:
    loaded = with_kind(environment, kind)
    policy: dict[str, Any] = role_documents(loaded)["workflow"]["policy"]
    return Names(loaded), policy


def all_tasks(environment: str, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for document in machines_of(environment, kind).values():
        yield from tasks_of(document)


def actions(document: dict[str, Any]) -> set[str]:
    return {each for statement in document["Statement"] for each in statement["Action"]}


@every_case
def test_every_action_of_a_task_is_allowed_on_what_it_is_about(environment, kind):
    names, policy = workflow(environment, kind)
    for name, task in all_tasks(environment, kind):
        wanted = action(task)
        assert wanted in actions(policy), name
        for resource in resources(names, task):
            assert allows(policy, wanted, resource), f"{name}: {wanted} on {resource}"


@every_case
def test_nothing_is_allowed_that_no_task_needs_beyond_the_exceptions(environment, kind):
    _, policy = workflow(environment, kind)
    needed = {action(task) for case in CASES for _, task in all_tasks(*case)}
    assert actions(policy) - needed <= ON_BEHALF.keys()


def test_every_exception_is_one(example):
    policy = role_documents(example)["workflow"]["policy"]
    needed = {action(task) for _, task in all_tasks("aws-example", "real-time")}
    assert actions(policy) - needed == ON_BEHALF.keys()


@every_case
def test_nothing_is_allowed_everywhere_that_knows_a_resource(environment, kind):
    for actor, documents in role_documents(with_kind(environment, kind)).items():
        for statement in documents["policy"]["Statement"]:
            assert not [each for each in statement["Action"] if "*" in each], actor
            if "*" in statement["Resource"]:
                assert statement["Sid"] in EVERYWHERE


@every_case
def test_a_role_keeps_to_the_limits_of_iam(environment, kind):
    for actor, documents in role_documents(with_kind(environment, kind)).items():
        statements = documents["policy"]["Statement"]
        sids = [statement["Sid"] for statement in statements]
        assert len(set(sids)) == len(sids), actor
        assert all(sid.isalnum() for sid in sids)
        assert len(json.dumps(documents["policy"], separators=(",", ":"))) <= 10_240, actor


def test_only_its_service_assumes_a_role_and_only_for_this_account(example):
    documents = role_documents(example)
    assert documents.keys() == set(ROLE_ACTORS)
    for actor, each in documents.items():
        (statement,) = each["trust"]["Statement"]
        assert statement["Action"] == "sts:AssumeRole"
        assert statement["Principal"]["Service"].endswith(".amazonaws.com")
        guarded = "Condition" in statement
        assert guarded == (actor not in ("predict", "smoke_test"))


@every_case
def test_the_endpoints_role_is_passed_to_sagemaker_alone(environment, kind):
    names, policy = workflow(environment, kind)
    (passing,) = [s for s in policy["Statement"] if s["Action"] == ["iam:PassRole"]]
    assert passing["Resource"] == [names.role("endpoint")]
    condition = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    assert passing["Condition"] == condition
