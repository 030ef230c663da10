"""The roles of all actors, with the policies that their own modules compile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infrastructure.parts import given, ref, resource, sub, tags
from infrastructure.placeholders import PARTNERS, compiled, merged, merged_statements
from pipeline.policies import job_documents
from provision.roles import POLICY
from settings import Settings
from statemachine.policies import role_documents
from statemachine.promotion import copying, forwarding

# Actor -> logical name. A role's name is a parameter; without a name it is somebody else's.
ROLES = {
    "pipeline": "PipelineRole",
    "jobs": "JobsRole",
    "ec2_training": "Ec2TrainingRole",
    "endpoint": "EndpointRole",
    "predict": "PredictRole",
    "smoke_test": "SmokeTestRole",
    "workflow": "WorkflowRole",
    "events": "EventsRole",
}
# Why a star is right, by the statement's name.
STARS = {
    "ImageToken": "ecr:GetAuthorizationToken knows no resource",
    "MachineLogs": "the APIs of log deliveries know no resource",
    "Metrics": "cloudwatch:PutMetricData knows no resource; a condition names the namespaces",
    "Network": "SageMaker makes network interfaces under names that nobody knows before",
    "ScalingBefore": "Application Auto Scaling's Describe calls know no resource",
}


def all_documents(settings: Settings) -> dict[str, dict[str, Any]]:
    """Trust and policy of every actor."""
    return {**job_documents(settings), **role_documents(settings)}


def role_resources(settings: Settings | None) -> dict[str, Any]:
    """A role for each actor, and the profile with which instances get theirs."""
    variants = compiled(all_documents, settings)
    partners = compiled(_promotion, settings, PARTNERS)
    found = {}
    for actor, name in ROLES.items():
        there = [(answers, both[actor]) for answers, both in variants if actor in both]
        trust = merged([(answers, both["trust"]) for answers, both in there])
        policies = [(answers, both["policy"]["Statement"]) for answers, both in there]
        promoting = [(answers, statements[actor]) for answers, statements in partners]
        statements = [*merged_statements(policies), *merged_statements(promoting)]
        found[name] = _role(name, trust, statements)
    profile = {"InstanceProfileName": ref("Ec2TrainingRoleName"), "Roles": [ref("Ec2TrainingRole")]}
    found["Ec2TrainingProfile"] = resource(
        "AWS::IAM::InstanceProfile", profile, condition="MakesEc2TrainingRole"
    )
    return found


def _promotion(settings: Settings) -> dict[str, list[Any]]:
    """What a partner adds, which depends on nothing else: so there are fewer cases to compile."""
    nothing: dict[str, list[Any]] = {actor: [] for actor in ROLES}
    return {**nothing, "workflow": copying(settings), "events": forwarding(settings)}


def role_conditions() -> dict[str, Any]:
    """Whether the stack makes each role."""
    return {f"Makes{name}": given(f"{name}Name") for name in ROLES.values()}


def _role(name: str, trust: Mapping[str, Any], statements: list[Any]) -> dict[str, Any]:
    policy = {"Version": "2012-10-17", "Statement": statements}
    properties = {
        "RoleName": ref(f"{name}Name"),
        "Description": sub("Made by the stack ${AWS::StackName}"),
        "AssumeRolePolicyDocument": trust,
        "Policies": [{"PolicyName": POLICY, "PolicyDocument": policy}],
        "Tags": tags(),
    }
    return resource("AWS::IAM::Role", properties, condition=f"Makes{name}")
