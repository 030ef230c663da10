"""Training on one instance of EC2: on demand, on spot, followed, ended; and what it stands on.

What the settings name is only looked for; what they leave empty is made.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.ec2.requests import tags
from provision.ec2.launch import CODE
from provision.ec2.surroundings import ACTOR
from provision.preflight.callers.parts import EC2, actions, iam_arn, passing, service_role
from settings import Settings, partition_of
from statemachine.names import Names
from statemachine.statements import Statement, allow, key, objects

SPOT, FLEET = "spot.amazonaws.com", "ec2fleet.amazonaws.com"
STARTED = ("instance", "network-interface", "volume")
# EC2 encrypts the disk with the caller's permissions; the bucket, what goes there.
ENCRYPTING = (
    *("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"),
    *("kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
)


def ec2_train(settings: Settings) -> Iterator[Statement]:
    yield from _definition(settings)
    yield from _surroundings(settings)
    yield from _instance(settings)
    yield from _spot(settings)
    yield from key(settings, ENCRYPTING)


def ours(settings: Settings) -> dict[str, dict[str, str]]:
    """The condition that a thing carries the tags of our trainings."""
    proving = ("endpoint", "environment", "owner")
    wanted = {f"aws:ResourceTag/{name}": tags(settings)[name] for name in proving}
    return {"StringEquals": wanted}


def ec2_arn(settings: Settings, kind: str) -> str:
    return Names(settings).arn("ec2", f"{kind}/*")


def _definition(settings: Settings) -> Iterator[Statement]:
    """What the instance is to do, and what came of it."""
    names = Names(settings)
    verbs = "DescribePipeline ListPipelineExecutions"
    yield actions("Pipeline", "sagemaker", verbs, [names.pipeline_arn])
    runs, verb = f"{names.pipeline_arn}/execution/*", "ListPipelineParametersForExecution"
    yield actions("LastData", "sagemaker", verb, [runs])
    places = [objects(settings, f"code/{CODE}-*"), objects(settings, "executions/ec2/*")]
    yield actions("Task", "s3", "GetObject PutObject", places)
    log = names.arn("logs", f"log-group:{names.ec2_logs}:*")
    yield actions("Log", "logs", "GetLogEvents", [log])


def _surroundings(settings: Settings) -> Iterator[Statement]:
    names = Names(settings)
    partition, region = partition_of(settings.aws.region), settings.aws.region
    image = f"arn:{partition}:ssm:{region}::parameter{settings.ec2.ami_parameter}"
    yield actions("Image", "ssm", "GetParameter", [image])
    yield actions("LogGroupList", "logs", "DescribeLogGroups", [names.arn("logs", "log-group:*")])
    log = names.arn("logs", f"log-group:{names.ec2_logs}")
    verbs = "CreateLogGroup PutRetentionPolicy TagResource"
    yield actions("LogGroup", "logs", verbs, [log, f"{log}:*"])
    yield from _profile(settings)
    yield actions("Instances", "ec2", "DescribeInstances", ["*"])  # knows no resource
    if not settings.ec2.security_group:
        place = "DescribeSubnets" if settings.ec2.subnet or settings.aws.subnets else "DescribeVpcs"
        yield actions("Network", "ec2", f"DescribeSecurityGroups {place}", ["*"])  # nor these
        group, vpc = ec2_arn(settings, "security-group"), ec2_arn(settings, "vpc")
        yield actions("Group", "ec2", "CreateSecurityGroup", [group, vpc])
        yield _tagging(settings, "CreateSecurityGroup", "security-group")
        rules = ["ec2:AuthorizeSecurityGroupEgress", "ec2:RevokeSecurityGroupEgress"]
        yield allow("GroupRules", rules, [group], ours(settings))


def _profile(settings: Settings) -> Iterator[Statement]:
    names, named = Names(settings), settings.ec2.instance_profile
    role = names.role(ACTOR)
    profile = iam_arn(settings, f"instance-profile/{named or role.rpartition('/')[2]}")
    if named or settings.roles.ec2_training:
        yield actions("Profile", "iam", "GetInstanceProfile", [profile])
    else:
        verbs = "CreateRole GetRole GetRolePolicy PutRolePolicy TagRole UpdateAssumeRolePolicy"
        yield actions("Role", "iam", verbs, [role])
        verbs = "CreateInstanceProfile GetInstanceProfile TagInstanceProfile"
        yield actions("Profile", "iam", f"{verbs} AddRoleToInstanceProfile", [profile])
    # A profile that the settings name is taken to hold the role of its own name.
    unnamed = named and not settings.roles.ec2_training
    yield passing("PassToEc2", EC2, [iam_arn(settings, f"role/{named}") if unnamed else role])


def _instance(settings: Settings) -> Iterator[Statement]:
    yield actions("Run", "ec2", "RunInstances", [*_made(settings), *_taken(settings)])
    yield _tagging(settings, "RunInstances", "instance", "volume")
    instances = [ec2_arn(settings, "instance")]
    verbs = ["ec2:GetConsoleOutput", "ec2:TerminateInstances"]
    yield allow("Ended", verbs, instances, ours(settings))


def _made(settings: Settings) -> list[str]:
    return [ec2_arn(settings, kind) for kind in STARTED]


def _taken(settings: Settings) -> list[str]:
    """The image, which is Amazon's, and the places that the settings name."""
    names, ec2 = Names(settings), settings.ec2
    image = f"arn:{partition_of(settings.aws.region)}:ec2:{settings.aws.region}::image/*"
    subnets = [ec2.subnet] if ec2.subnet else list(settings.aws.subnets) or ["*"]
    return [
        image,
        names.arn("ec2", f"security-group/{ec2.security_group or '*'}"),
        *(names.arn("ec2", f"subnet/{one}") for one in subnets),
    ]


def _spot(settings: Settings) -> Iterator[Statement]:
    """A fleet and the template that it starts from, whose instance is one as above."""
    template = Names(settings).arn("ec2", "launch-template/*")
    yield actions("Template", "ec2", "CreateLaunchTemplate DeleteLaunchTemplate", [template])
    yield _tagging(settings, "CreateLaunchTemplate", "launch-template")
    yield actions("Fleet", "ec2", "CreateFleet", [ec2_arn(settings, "fleet"), template])
    yield _tagging(settings, "CreateFleet", "fleet")
    yield actions("RunTemplate", "ec2", "RunInstances", [template])
    yield service_role("SpotRole", settings, SPOT, "AWSServiceRoleForEC2Spot")
    yield service_role("FleetRole", settings, FLEET, "AWSServiceRoleForEC2Fleet")


def _tagging(settings: Settings, operation: str, *kinds: str) -> Statement:
    """Tags, but only of what an operation makes."""
    condition = {"StringEquals": {"ec2:CreateAction": operation}}
    places = [ec2_arn(settings, kind) for kind in kinds]
    return allow(f"TagBy{operation}", ["ec2:CreateTags"], places, condition)
