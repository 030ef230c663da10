"""IAM roles and instance profiles."""

from __future__ import annotations

from typing import Any

from local.stacks.kinds.kind import Kind, Order, document, words


def _create_role(order: Order) -> str:
    name = order.named("RoleName")
    order.client("iam").create_role(
        RoleName=name,
        AssumeRolePolicyDocument=document(order.properties["AssumeRolePolicyDocument"]),
        Tags=order.tag_list,
        **order.some("Path", "Description", "MaxSessionDuration", "PermissionsBoundary"),
    )
    return name


def _put_role(order: Order, name: str) -> None:
    iam, given = order.client("iam"), order.properties
    trust = document(given["AssumeRolePolicyDocument"])
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    wanted = {
        policy["PolicyName"]: policy["PolicyDocument"] for policy in given.get("Policies", [])
    }
    for policy, text in wanted.items():
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document(text))
    for policy in sorted({*iam.list_role_policies(RoleName=name)["PolicyNames"]} - {*wanted}):
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    _attach(iam, name, {*given.get("ManagedPolicyArns", [])})
    if order.tags:
        iam.tag_role(RoleName=name, Tags=order.tag_list)


def _attach(iam: Any, name: str, wanted: set[str]) -> None:
    listed = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    there = {policy["PolicyArn"] for policy in listed}
    for arn in sorted(wanted - there):
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    for arn in sorted(there - wanted):
        iam.detach_role_policy(RoleName=name, PolicyArn=arn)


def _role_attributes(order: Order, name: str) -> dict[str, Any]:
    role = order.client("iam").get_role(RoleName=name)["Role"]
    return {"Arn": role["Arn"], "RoleId": role["RoleId"]}


def _delete_role(order: Order, name: str) -> None:
    iam = order.client("iam")
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    _attach(iam, name, set())
    iam.delete_role(RoleName=name)


def _create_profile(order: Order) -> str:
    name = order.named("InstanceProfileName")
    order.client("iam").create_instance_profile(InstanceProfileName=name, **order.some("Path"))
    return name


def _put_profile(order: Order, name: str) -> None:
    iam = order.client("iam")
    profile = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    there, wanted = {r["RoleName"] for r in profile["Roles"]}, {*order.properties["Roles"]}
    for role in sorted(there - wanted):
        iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role)
    for role in sorted(wanted - there):
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)


def _profile_attributes(order: Order, name: str) -> dict[str, Any]:
    profile = order.client("iam").get_instance_profile(InstanceProfileName=name)
    return {"Arn": profile["InstanceProfile"]["Arn"]}


def _delete_profile(order: Order, name: str) -> None:
    iam = order.client("iam")
    profile = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    for role in profile["Roles"]:
        iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role["RoleName"])
    iam.delete_instance_profile(InstanceProfileName=name)


KINDS = {
    "AWS::IAM::Role": Kind(
        _create_role,
        _delete_role,
        words(
            "RoleName Path Description MaxSessionDuration PermissionsBoundary "
            "AssumeRolePolicyDocument Policies ManagedPolicyArns Tags"
        ),
        _put_role,
        _role_attributes,
        words("RoleName Path"),
        lambda order: order.named("RoleName"),
    ),
    "AWS::IAM::InstanceProfile": Kind(
        _create_profile,
        _delete_profile,
        words("InstanceProfileName Path Roles"),
        _put_profile,
        _profile_attributes,
        words("InstanceProfileName Path"),
        lambda order: order.named("InstanceProfileName"),
    ),
}
