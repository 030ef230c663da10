"""What an instance stands on: a role's profile, a closed security group, a log group, an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from errors import BreedlineError
from pipeline.ec2.requests import tags
from pipeline.policies import job_documents
from provision.change import Change, Clients, as_tags, compare, or_none, unless_there
from provision.logs import RESOURCE as LOG_GROUP
from provision.logs import LogGroup, apply_logs
from provision.roles import RESOURCE as ROLE
from provision.roles import Role, apply_role, read_role
from settings import Settings
from statemachine.names import Names

ACTOR = "ec2_training"
ANYWHERE = "0.0.0.0/0"
HTTPS = 443


@dataclass(frozen=True)
class Surroundings:
    """What a request names; no subnet is the default network."""

    profile: str
    security_group: str
    subnets: tuple[str, ...]
    image: str


def ensure_surroundings(clients: Clients, settings: Settings) -> Surroundings:
    """Find what the settings name, and make what they leave empty.

    Raises BreedlineError for what they name and is not there.
    """
    one = settings.ec2.subnet
    subnets = (one,) if one else tuple(settings.aws.subnets)
    image = _image(clients, settings)
    _ensure_log_group(clients, settings)
    profile = _ensure_profile(clients, settings)
    return Surroundings(profile, _ensure_group(clients, settings, subnets), subnets, image)


def group_name(settings: Settings) -> str:
    """The security group that is made where the settings name none."""
    return f"{settings.endpoint_name}-ec2-training"


def _image(clients: Clients, settings: Settings) -> str:
    name = settings.ec2.ami_parameter
    found = or_none(lambda: clients("ssm").get_parameter(Name=name), "ParameterNotFound")
    if found is None:
        raise BreedlineError(
            f"There is no image under ec2.ami_parameter '{name}' in {settings.aws.region}; "
            "`aws ssm get-parameters-by-path --path /aws/service/ami-amazon-linux-latest` lists "
            "some."
        )
    return str(found["Parameter"]["Value"])


def _ensure_log_group(clients: Clients, settings: Settings) -> None:
    names, logs = Names(settings), clients("logs")
    name = names.ec2_logs
    listed = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    if all(group["logGroupName"] != name for group in listed):
        arn = names.arn("logs", f"log-group:{name}")
        group = LogGroup(name, arn, settings.tags)
        apply_logs(clients, Change("create", LOG_GROUP, name, "it does not exist", group))


def _ensure_profile(clients: Clients, settings: Settings) -> str:
    """The name of the instance profile."""
    names, iam = Names(settings), clients("iam")
    named, role = settings.ec2.instance_profile, settings.roles.ec2_training
    if not named and not role:
        return _make_profile(clients, settings)
    profile = named or names.role(ACTOR).rpartition("/")[2]
    if or_none(lambda: iam.get_instance_profile(InstanceProfileName=profile), "NoSuchEntity"):
        return profile
    key = "ec2.instance_profile" if named else "roles.ec2_training"
    raise BreedlineError(
        f"There is no instance profile '{profile}', which {key} means; make one with that role, or "
        "leave the key empty and let ec2-train make both."
    )


def _make_profile(clients: Clients, settings: Settings) -> str:
    names, iam = Names(settings), clients("iam")
    document, name = job_documents(settings)[ACTOR], names.made_role(ACTOR)
    desired = Role(name, names.role(ACTOR), document["trust"], document["policy"], tags(settings))
    change = compare(ROLE, read_role(iam, desired), desired)
    if change.kind != "no-op":
        apply_role(clients, change)
    unless_there(
        lambda: iam.create_instance_profile(InstanceProfileName=name, Tags=as_tags(tags(settings)))
    )
    found = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    if not found["Roles"]:
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    return name


def _ensure_group(clients: Clients, settings: Settings, subnets: tuple[str, ...]) -> str:
    """The id of a security group that lets nothing in."""
    if settings.ec2.security_group:
        return settings.ec2.security_group
    ec2, name = clients("ec2"), group_name(settings)
    network = _network(ec2, subnets)
    filters = [
        {"Name": "group-name", "Values": [name]},
        {"Name": "vpc-id", "Values": [network]},
    ]
    found = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    if not found:
        return _make_group(ec2, settings, network)
    if found[0]["IpPermissions"]:
        raise BreedlineError(
            f"Somebody has opened the security group '{name}' ({found[0]['GroupId']}), which is to "
            "let nothing in; take its inbound rules away, or name another in "
            "ec2.security_group."
        )
    return str(found[0]["GroupId"])


def _make_group(ec2: Any, settings: Settings, network: str) -> str:
    """Without inbound rules, and outward HTTPS only: S3, the logs, packages."""
    made = ec2.create_security_group(
        GroupName=group_name(settings),
        Description="Training on EC2: nothing comes in",
        VpcId=network,
        TagSpecifications=[{"ResourceType": "security-group", "Tags": as_tags(tags(settings))}],
    )["GroupId"]
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANYWHERE}]}
    https = {"IpProtocol": "tcp", "FromPort": HTTPS, "ToPort": HTTPS}
    ec2.authorize_security_group_egress(
        GroupId=made, IpPermissions=[{**https, "IpRanges": [{"CidrIp": ANYWHERE}]}]
    )
    ec2.revoke_security_group_egress(GroupId=made, IpPermissions=[everything])
    return str(made)


def _network(ec2: Any, subnets: tuple[str, ...]) -> str:
    """The VPC of the subnets, else the default one."""
    if subnets:
        return str(ec2.describe_subnets(SubnetIds=[subnets[0]])["Subnets"][0]["VpcId"])
    default = [{"Name": "is-default", "Values": ["true"]}]
    if found := ec2.describe_vpcs(Filters=default)["Vpcs"]:
        return str(found[0]["VpcId"])
    raise BreedlineError(
        "The account has no default network in this region; name a subnet in ec2.subnet."
    )
