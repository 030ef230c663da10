"""The network of the settings' subnets, as EC2 tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provision.change import Clients
from settings import Settings

ANYWHERE = ("0.0.0.0/0",)
WAYS_OUT = ("NatGatewayId", "TransitGatewayId", "NetworkInterfaceId", "VpcPeeringConnectionId")
INTERFACES = ("sagemaker.api", "sagemaker.runtime", "logs", "monitoring", "sts")
IMAGES = ("ecr.api", "ecr.dkr")
STORAGE = "s3"
Found = Mapping[str, Any]


@dataclass(frozen=True)
class Vpc:
    """What jobs in the settings' network stand in; `subnets` and `groups` are the settings' own.

    `endpoints` are those that work, by the names of their services.
    """

    subnets: tuple[Found, ...]
    groups: tuple[Found, ...]
    tables: tuple[Found, ...]
    endpoints: Mapping[str, Found]

    def table_of(self, subnet: str) -> Found:
        """The subnet's own table, else the VPC's main one."""
        main: Found = {}
        for table in self.tables:
            for association in table.get("Associations", []):
                if association.get("SubnetId") == subnet:
                    return table
                if association.get("Main"):
                    main = table
        return main

    def leads_out(self, subnet: str) -> bool:
        """Whether there is a way to everywhere."""
        return any(
            route.get("DestinationCidrBlock") in ANYWHERE
            and any(route.get(way) for way in WAYS_OUT)
            for route in self.table_of(subnet).get("Routes", [])
        )

    @property
    def is_closed(self) -> bool:
        """Whether endpoints are the only way from some subnet."""
        return not all(self.leads_out(subnet["SubnetId"]) for subnet in self.subnets)

    @property
    def is_one(self) -> bool:
        """Whether subnets and security groups are of one network."""
        return len(self.ids) == 1

    @property
    def ids(self) -> set[str]:
        return {one["VpcId"] for one in (*self.subnets, *self.groups)}


def read_vpc(clients: Clients, settings: Settings) -> Vpc:
    """Of the settings' subnets and groups; raises ClientError for one that is not there."""
    ec2 = clients("ec2")
    subnets = ec2.describe_subnets(SubnetIds=list(settings.aws.subnets))["Subnets"]
    found = ec2.describe_security_groups(GroupIds=list(settings.aws.security_groups))
    vpc = str(subnets[0]["VpcId"])
    endpoints = {
        one["ServiceName"].partition(f".{settings.aws.region}.")[2]: one
        for one in _all(clients, "describe_vpc_endpoints", "VpcEndpoints", vpc)
        if one.get("State", "available").lower() == "available"
    }
    tables = _all(clients, "describe_route_tables", "RouteTables", vpc)
    return Vpc(tuple(subnets), tuple(found["SecurityGroups"]), tuple(tables), endpoints)


def called(settings: Settings) -> list[str]:
    """The services that jobs in a network call, beside S3, by their names in endpoints."""
    named = [*INTERFACES, *IMAGES]
    if settings.feature_group:
        named.append("sagemaker.featurestore-runtime")
    if settings.aws.kms_key:
        named.append("kms")
    return named


def _all(clients: Clients, operation: str, key: str, vpc: str) -> list[Found]:
    pages = clients("ec2").get_paginator(operation)
    asked = pages.paginate(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    return [one for page in asked for one in page[key]]
