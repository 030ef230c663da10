"""EC2's networks. Most changes of them take another resource, as on AWS."""

from __future__ import annotations

from typing import Any

from local.stacks.kinds.kind import Kind, Order, document, typed, words

EVERYWHERE = [
    {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
]


def _tagged(order: Order, resource: str) -> list[dict[str, Any]]:
    return [{"ResourceType": resource, "Tags": order.tag_list}] if order.tags else []


def _create_vpc(order: Order) -> str:
    made = order.client("ec2").create_vpc(
        CidrBlock=order.properties["CidrBlock"], TagSpecifications=_tagged(order, "vpc")
    )
    return str(made["Vpc"]["VpcId"])


def _put_vpc(order: Order, vpc: str) -> None:
    ec2 = order.client("ec2")
    for name, default in (("EnableDnsSupport", True), ("EnableDnsHostnames", False)):
        on = str(order.properties.get(name, default)).lower() == "true"
        ec2.modify_vpc_attribute(VpcId=vpc, **{name: {"Value": on}})
    _tag(order, vpc)


def _tag(order: Order, physical: str) -> None:
    if order.tags:
        order.client("ec2").create_tags(Resources=[physical], Tags=order.tag_list)


def _vpc_attributes(order: Order, vpc: str) -> dict[str, Any]:
    return {"VpcId": vpc, "CidrBlock": order.properties["CidrBlock"]}


def _create_subnet(order: Order) -> str:
    made = order.client("ec2").create_subnet(
        **order.some("VpcId", "CidrBlock", "AvailabilityZone"),
        TagSpecifications=_tagged(order, "subnet"),
    )
    return str(made["Subnet"]["SubnetId"])


def _put_subnet(order: Order, subnet: str) -> None:
    public = str(order.properties.get("MapPublicIpOnLaunch", False)).lower() == "true"
    order.client("ec2").modify_subnet_attribute(
        SubnetId=subnet, MapPublicIpOnLaunch={"Value": public}
    )
    _tag(order, subnet)


def _create_routes(order: Order) -> str:
    made = order.client("ec2").create_route_table(
        VpcId=order.properties["VpcId"], TagSpecifications=_tagged(order, "route-table")
    )
    return str(made["RouteTable"]["RouteTableId"])


def _create_association(order: Order) -> str:
    made = order.client("ec2").associate_route_table(**order.some("RouteTableId", "SubnetId"))
    return str(made["AssociationId"])


def _create_group(order: Order) -> str:
    ec2, given = order.client("ec2"), order.properties
    made = ec2.create_security_group(
        GroupName=order.named("GroupName"),
        Description=given["GroupDescription"],
        VpcId=given["VpcId"],
        TagSpecifications=_tagged(order, "security-group"),
    )
    group = str(made["GroupId"])
    if given.get("SecurityGroupEgress"):
        ec2.revoke_security_group_egress(GroupId=group, IpPermissions=EVERYWHERE)
        rules = [_permission(rule) for rule in given["SecurityGroupEgress"]]
        ec2.authorize_security_group_egress(GroupId=group, IpPermissions=rules)
    if given.get("SecurityGroupIngress"):
        rules = [_permission(rule) for rule in given["SecurityGroupIngress"]]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
    return group


def _permission(rule: Any) -> dict[str, Any]:
    """A rule in the form of the API."""
    text = {"Description": rule["Description"]} if "Description" in rule else {}
    found: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
    found |= {key: int(rule[key]) for key in ("FromPort", "ToPort") if key in rule}
    if "CidrIp" in rule:
        return {**found, "IpRanges": [{"CidrIp": rule["CidrIp"], **text}]}
    other = rule.get("SourceSecurityGroupId") or rule["DestinationSecurityGroupId"]
    return {**found, "UserIdGroupPairs": [{"GroupId": other, **text}]}


def _group_attributes(order: Order, group: str) -> dict[str, Any]:
    return {"GroupId": group, "VpcId": order.properties["VpcId"]}


def _rule_kind(direction: str) -> Kind:
    """A rule of a group, of which there is nothing but itself."""

    def call(verb: str, order: Order) -> None:
        change = getattr(order.client("ec2"), f"{verb}_security_group_{direction}")
        rules = [_permission(order.properties)]
        change(GroupId=order.properties["GroupId"], IpPermissions=rules)

    def create(order: Order) -> str:
        call("authorize", order)
        return order.name

    return Kind(
        create,
        lambda order, name: call("revoke", order),
        words(
            "GroupId IpProtocol FromPort ToPort CidrIp Description SourceSecurityGroupId "
            "DestinationSecurityGroupId"
        ),
    )


def _create_endpoint(order: Order) -> str:
    ec2, given = order.client("ec2"), order.properties
    request = order.some(
        *("VpcId", "ServiceName", "VpcEndpointType", "RouteTableIds", "SubnetIds"),
        *("SecurityGroupIds", "PrivateDnsEnabled"),
    )
    if "PolicyDocument" in given:
        request["PolicyDocument"] = document(given["PolicyDocument"])
    request["TagSpecifications"] = _tagged(order, "vpc-endpoint")
    made = ec2.create_vpc_endpoint(**typed(ec2, "create_vpc_endpoint", request))
    return str(made["VpcEndpoint"]["VpcEndpointId"])


KINDS = {
    "AWS::EC2::VPC": Kind(
        _create_vpc,
        lambda order, vpc: order.client("ec2").delete_vpc(VpcId=vpc),
        words("CidrBlock EnableDnsSupport EnableDnsHostnames Tags"),
        _put_vpc,
        _vpc_attributes,
        words("CidrBlock"),
    ),
    "AWS::EC2::Subnet": Kind(
        _create_subnet,
        lambda order, subnet: order.client("ec2").delete_subnet(SubnetId=subnet),
        words("VpcId CidrBlock AvailabilityZone MapPublicIpOnLaunch Tags"),
        _put_subnet,
        lambda order, subnet: {"SubnetId": subnet},
        words("VpcId CidrBlock AvailabilityZone"),
    ),
    "AWS::EC2::RouteTable": Kind(
        _create_routes,
        lambda order, table: order.client("ec2").delete_route_table(RouteTableId=table),
        words("VpcId Tags"),
        _tag,
        lambda order, table: {"RouteTableId": table},
        words("VpcId"),
    ),
    "AWS::EC2::SubnetRouteTableAssociation": Kind(
        _create_association,
        lambda order, found: order.client("ec2").disassociate_route_table(AssociationId=found),
        words("RouteTableId SubnetId"),
    ),
    "AWS::EC2::SecurityGroup": Kind(
        _create_group,
        lambda order, group: order.client("ec2").delete_security_group(GroupId=group),
        words("GroupName GroupDescription VpcId SecurityGroupEgress SecurityGroupIngress Tags"),
        _tag,
        _group_attributes,
        words("GroupName GroupDescription VpcId SecurityGroupEgress SecurityGroupIngress"),
    ),
    "AWS::EC2::SecurityGroupIngress": _rule_kind("ingress"),
    "AWS::EC2::SecurityGroupEgress": _rule_kind("egress"),
    "AWS::EC2::VPCEndpoint": Kind(
        _create_endpoint,
        lambda order, found: order.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[found]),
        words(
            "VpcId ServiceName VpcEndpointType RouteTableIds SubnetIds SecurityGroupIds "
            "PrivateDnsEnabled PolicyDocument Tags"
        ),
    ),
}
