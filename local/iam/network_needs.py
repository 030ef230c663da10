"""What the operations of EC2 need: instances, fleets, networks.

A request names things by ids, which say by their beginning what they are. The tags that a thing has
are read from the embedded EC2 itself: conditions speak of them, and requests do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends

from local.iam.needs import Need, Parameters, Place, Row, all_of, on

EC2 = "ec2.amazonaws.com"
KINDS = {
    "ami": "image",
    "i": "instance",
    "rtb": "route-table",
    "sg": "security-group",
    "subnet": "subnet",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}
SEARCHED = (
    *("AvailabilityZones", "Instances", "LaunchTemplates", "NetworkInterfaces", "Regions"),
    *("RouteTables", "SecurityGroups", "Subnets", "VpcEndpoints", "Vpcs"),
)
# Operation -> the kind of thing that it makes.
MADE = {
    "CreateFleet": "fleet",
    "CreateRouteTable": "route-table",
    "CreateSecurityGroup": "security-group",
    "CreateSubnet": "subnet",
    "CreateVpc": "vpc",
    "CreateVpcEndpoint": "vpc-endpoint",
}
CHANGED = (
    *("AssociateRouteTable", "AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress"),
    *("DeleteRouteTable", "DeleteSecurityGroup", "DeleteSubnet", "DeleteVpc"),
    *("DeleteVpcEndpoints", "GetConsoleOutput", "ModifySubnetAttribute", "ModifyVpcAttribute"),
    *("RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress", "TerminateInstances"),
)
# What a start makes, and what it takes: where the request does not name it, EC2 chooses.
STARTED, TAKEN = ("instance", "network-interface", "volume"), ("image", "security-group", "subnet")


def _named(action: str) -> Row:
    """On everything that the request names by an id."""

    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        for identity in _ids(parameters):
            yield Need(action, _arn(place, identity), _tags_of(place, identity))

    return row


def _made(operation: str, *kinds: str) -> Row:
    """On what is new and on what it is made in."""
    return all_of(_named(f"ec2:{operation}"), _new(operation, *kinds))


def _new(operation: str, *kinds: str) -> Row:
    """On what is new; tags that come with it are a permission too."""

    def row(place: Place, parameters: Parameters) -> Iterator[Need]:
        tags = _asked_tags(parameters)
        for kind in kinds:
            yield Need(f"ec2:{operation}", place.arn("ec2", f"{kind}/*"), tags)
        for kind in sorted({*_values(parameters, ".ResourceType")} & {*kinds}):
            context = {**tags, "ec2:CreateAction": operation}
            yield Need("ec2:CreateTags", place.arn("ec2", f"{kind}/*"), context)

    return row


def _chosen(place: Place, parameters: Parameters) -> Iterator[Need]:
    """Of what an instance takes, that which the request leaves to EC2, or to its template."""
    named = {KINDS[identity.partition("-")[0]] for identity in _ids(parameters)}
    for kind in TAKEN:
        if kind not in named:
            account = "" if kind == "image" else place.account
            yield Need(
                "ec2:RunInstances", f"arn:{place.partition}:ec2:{place.region}:{account}:{kind}/*"
            )


def _handed(place: Place, parameters: Parameters) -> Iterator[Need]:
    """The role in the instance profile is passed on."""
    name = str(parameters.get("IamInstanceProfile.Name", ""))
    found = iam_backends[place.account][place.partition].instance_profiles.values()
    for role in (role for profile in found if profile.name == name for role in profile.roles):
        yield Need("iam:PassRole", str(role.arn), {"iam:PassedToService": EC2})


def _template(place: Place, parameters: Parameters) -> Iterator[Need]:
    """A launch template by its name."""
    backend = ec2_backends[place.account][place.region]
    found = backend.launch_template_name_to_ids.get(str(parameters.get("LaunchTemplateName")), "*")
    resource = place.arn("ec2", f"launch-template/{found}")
    yield Need("ec2:DeleteLaunchTemplate", resource, _tags_of(place, found))


def _ids(parameters: Parameters) -> list[str]:
    """Ids of things, without the values of filters."""
    return sorted(
        {
            text
            for name, value in parameters.items()
            if not name.startswith("Filter.")
            for text in (value if isinstance(value, list) else [value])
            if isinstance(text, str) and "-" in text and text.partition("-")[0] in KINDS
        }
    )


def _arn(place: Place, identity: str) -> str:
    kind = KINDS[identity.partition("-")[0]]
    account = "" if kind == "image" else place.account  # AWS's own images are nobody's
    return f"arn:{place.partition}:ec2:{place.region}:{account}:{kind}/{identity}"


def _tags_of(place: Place, identity: str) -> Mapping[str, str]:
    tags = ec2_backends[place.account][place.region].tags.get(identity, {})
    return {f"aws:ResourceTag/{key}": str(value) for key, value in tags.items()}


def _asked_tags(parameters: Parameters) -> dict[str, str]:
    """What the request says of tags: `TagSpecification.1.Tag.1.Key` and its `Value`."""
    return {
        f"aws:RequestTag/{value}": str(parameters.get(f"{name.removesuffix('Key')}Value", ""))
        for name, value in parameters.items()
        if name.endswith(".Key") and "Tag." in name
    }


def _values(parameters: Parameters, suffix: str) -> Iterator[str]:
    yield from (str(value) for name, value in parameters.items() if name.endswith(suffix))


def _tagged(place: Place, parameters: Parameters) -> Iterator[Need]:
    for identity in _ids(parameters):
        context = {**_tags_of(place, identity), **_asked_tags(parameters)}
        yield Need("ec2:CreateTags", _arn(place, identity), context)


STARTING = _made("RunInstances", *STARTED)
TABLE: dict[str, Row] = {
    **{f"Describe{what}": on(f"ec2:Describe{what}") for what in SEARCHED},
    **{operation: _made(operation, kind) for operation, kind in MADE.items()},
    **{operation: _named(f"ec2:{operation}") for operation in CHANGED},
    "CreateLaunchTemplate": _new("CreateLaunchTemplate", "launch-template"),
    "CreateTags": _tagged,
    "RunInstances": all_of(STARTING, _chosen, _handed),
    # A fleet that starts at once starts its instances in the caller's name.
    "CreateFleet": all_of(
        _made("CreateFleet", "fleet"),
        on("ec2:CreateFleet", "launch-template/*"),
        on("ec2:RunInstances", *(f"{kind}/*" for kind in (*STARTED, "launch-template"))),
        _chosen,
    ),
    "DeleteLaunchTemplate": _template,
    "DisassociateRouteTable": on("ec2:DisassociateRouteTable", "route-table/*"),
}
