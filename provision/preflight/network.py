"""Whether jobs in the settings' subnets reach what they call.

SageMaker gives their interfaces no public address: an internet gateway leads nowhere, a NAT or a
transit gateway does. Otherwise each service needs an endpoint in the VPC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from provision.change import Clients
from provision.preflight.findings import Finding, Subject
from settings import Settings

ANYWHERE = ("0.0.0.0/0",)
WAYS_OUT = ("NatGatewayId", "TransitGatewayId", "NetworkInterfaceId", "VpcPeeringConnectionId")
INTERFACES = ("sagemaker.api", "sagemaker.runtime", "logs", "monitoring", "sts")
IMAGES = ("ecr.api", "ecr.dkr")
Found = Mapping[str, Any]


def check_network(subject: Subject) -> Iterator[Finding]:
    """Subnets and security groups of one VPC, and a way from each subnet to each service."""
    aws, ec2 = subject.settings.aws, subject.clients("ec2")
    if not aws.subnets:
        return
    try:
        subnets = ec2.describe_subnets(SubnetIds=list(aws.subnets))["Subnets"]
        groups = ec2.describe_security_groups(GroupIds=list(aws.security_groups))
    except ClientError as error:
        fault = error.response["Error"]
        if not fault["Code"].endswith(".NotFound"):
            raise
        yield Finding("fault", "network", fault["Message"], "correct aws.subnets and its groups")
        return
    vpcs = {one["VpcId"] for one in [*subnets, *groups["SecurityGroups"]]}
    if len(vpcs) > 1:
        problem = f"subnets and security groups are of several VPCs: {', '.join(sorted(vpcs))}"
        yield Finding("fault", "network", problem, "name those of one in [aws]")
        return
    yield from _ways(subject, subnets, vpcs.pop())


def _ways(subject: Subject, subnets: list[Found], vpc: str) -> Iterator[Finding]:
    tables = _all(subject.clients, "describe_route_tables", "RouteTables", vpc)
    endpoints = _all(subject.clients, "describe_vpc_endpoints", "VpcEndpoints", vpc)
    for subnet in subnets:
        table = _table_of(subnet["SubnetId"], tables)
        if _leads_out(table):
            continue
        missing = [*_missing(subject.settings, endpoints, table)]
        if missing:
            yield Finding(
                "fault",
                f"subnet {subnet['SubnetId']}",
                f"nothing leads from it to {', '.join(missing)}",
                "add VPC endpoints for them, or a route to a NAT gateway",
            )


def _all(clients: Clients, operation: str, key: str, vpc: str) -> list[Found]:
    pages = clients("ec2").get_paginator(operation)
    asked = pages.paginate(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    return [one for page in asked for one in page[key]]


def _table_of(subnet: str, tables: list[Found]) -> Found:
    """The subnet's own table, else the VPC's main one."""
    main: Found = {}
    for table in tables:
        for association in table.get("Associations", []):
            if association.get("SubnetId") == subnet:
                return table
            if association.get("Main"):
                main = table
    return main


def _leads_out(table: Found) -> bool:
    return any(
        route.get("DestinationCidrBlock") in ANYWHERE and any(route.get(way) for way in WAYS_OUT)
        for route in table.get("Routes", [])
    )


def _missing(settings: Settings, endpoints: list[Found], table: Found) -> Iterator[str]:
    """Services without an endpoint, by their names in endpoints."""
    there = {
        one["ServiceName"].partition(f".{settings.aws.region}.")[2]: one
        for one in endpoints
        if one.get("State", "available").lower() == "available"
    }
    storage = there.get("s3", {})
    if not storage or (
        storage.get("VpcEndpointType", "Gateway") == "Gateway"
        and table.get("RouteTableId") not in storage.get("RouteTableIds", [])
    ):
        yield "s3"
    named = [*INTERFACES, *IMAGES]
    if settings.feature_group:
        named.append("sagemaker.featurestore-runtime")
    if settings.aws.kms_key:
        named.append("kms")
    yield from (service for service in named if service not in there)
