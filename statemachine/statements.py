"""The parts of policies that the roles of several actors share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from settings import Settings, partition_of
from statemachine.alarms import guard_names
from statemachine.names import Names

Statement = dict[str, Any]


def allow(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[str],
    condition: dict[str, Any] | None = None,
) -> Statement:
    """A statement that allows `actions` on `resources`."""
    statement: Statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": list(resources),
    }
    return {**statement, "Condition": condition} if condition else statement


def document(statements: list[Statement]) -> dict[str, Any]:
    """A policy."""
    return {"Version": "2012-10-17", "Statement": statements}


def trust(settings: Settings, service: str) -> dict[str, Any]:
    """The trust of a role that `service` assumes."""
    # Not for a service that acts for somebody else's account.
    ours = {"StringEquals": {"aws:SourceAccount": settings.aws.account_id}}
    statement = {
        "Sid": "Assume",
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    # Lambda and EC2 assume the roles of functions and instances without saying for which account.
    silent = service.startswith(("lambda.", "ec2."))
    return document([statement if silent else {**statement, "Condition": ours}])


def image(settings: Settings, repository: str) -> list[Statement]:
    """Pull AWS's images of `repository`."""
    pulling = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    ]
    partition, region = partition_of(settings.aws.region), settings.aws.region
    return [
        # AWS's accounts of images differ by region.
        allow("Image", pulling, [f"arn:{partition}:ecr:{region}:*:repository/{repository}*"]),
        allow("ImageToken", ["ecr:GetAuthorizationToken"], ["*"]),  # knows no resource
    ]


def network(settings: Settings) -> list[Statement]:
    """What SageMaker does with the role to put a container into the settings' network."""
    if not settings.aws.subnets:
        return []
    actions = [
        "ec2:CreateNetworkInterface",
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
    ]
    # The interfaces are made by SageMaker, under names that nobody knows before.
    return [allow("Network", actions, ["*"])]


READ_KEY, WRITE_KEY = ("kms:Decrypt",), ("kms:Decrypt", "kms:GenerateDataKey")
EVERY_KEY = (*WRITE_KEY, "kms:CreateGrant", "kms:DescribeKey")  # of volumes, too


def key(settings: Settings, actions: Sequence[str] = EVERY_KEY) -> list[Statement]:
    """The environment's KMS key, which the settings may give as an ARN, an id or an alias."""
    given = settings.aws.kms_key
    if not given:
        return []
    names, alias = Names(settings), given.rpartition(":")[2]
    if alias.startswith("alias/"):
        named = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
        return [allow("Key", actions, [names.arn("kms", "key/*")], named)]
    arn = given if given.startswith("arn:") else names.arn("kms", f"key/{given}")
    return [allow("Key", actions, [arn])]


def objects(settings: Settings, keys: str) -> str:
    """The ARN of objects in the artifact bucket."""
    return objects_of(settings, f"s3://{settings.bucket}/{keys}")


def objects_of(settings: Settings, uri: str) -> str:
    """The ARN of what an S3 URI names."""
    return f"arn:{partition_of(settings.aws.region)}:s3:::{uri.removeprefix('s3://')}"


def guards(settings: Settings) -> Statement:
    """SageMaker reads the alarms of an update with the caller's role and with the model's."""
    names = Names(settings)
    alarms = [names.arn("cloudwatch", f"alarm:{name}") for name in guard_names(settings)]
    return allow("Guards", ["cloudwatch:DescribeAlarms"], alarms)
