"""Whether jobs in the settings' subnets have a way to what they call.

SageMaker gives their interfaces no public address: an internet gateway leads nowhere, a NAT or a
transit gateway does. Otherwise each service needs an endpoint in the VPC.
"""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from provision.preflight.findings import Finding, Subject
from provision.preflight.vpc import STORAGE, Found, Vpc, called, read_vpc
from settings import Settings


def check_network(subject: Subject) -> Iterator[Finding]:
    """Subnets and security groups of one VPC, and a way from each subnet to each service."""
    if not subject.settings.aws.subnets:
        return
    try:
        vpc = read_vpc(subject.clients, subject.settings)
    except ClientError as error:
        fault = error.response["Error"]
        if not fault["Code"].endswith(".NotFound"):
            raise
        yield Finding("fault", "network", fault["Message"], "correct aws.subnets and its groups")
        return
    if not vpc.is_one:
        problem = f"subnets and security groups are of several VPCs: {', '.join(sorted(vpc.ids))}"
        yield Finding("fault", "network", problem, "name those of one in [aws]")
        return
    for subnet in (str(one["SubnetId"]) for one in vpc.subnets):
        missing = [] if vpc.leads_out(subnet) else [*_missing(subject.settings, vpc, subnet)]
        if missing:
            yield Finding(
                "fault",
                f"subnet {subnet}",
                f"nothing leads from it to {', '.join(missing)}",
                "add VPC endpoints for them, or a route to a NAT gateway",
            )


def sound_vpc(subject: Subject) -> Vpc | None:
    """The network, where its parts are there and belong together; `check_network` tells others."""
    if not subject.settings.aws.subnets:
        return None
    try:
        vpc = read_vpc(subject.clients, subject.settings)
    except ClientError as error:
        if not error.response["Error"]["Code"].endswith(".NotFound"):
            raise
        return None
    return vpc if vpc.is_one else None


def _missing(settings: Settings, vpc: Vpc, subnet: str) -> Iterator[str]:
    """Services without an endpoint, by their names in endpoints."""
    storage: Found = vpc.endpoints.get(STORAGE, {})
    if not storage or (
        storage.get("VpcEndpointType", "Gateway") == "Gateway"
        and vpc.table_of(subnet).get("RouteTableId") not in storage.get("RouteTableIds", [])
    ):
        yield STORAGE
    yield from (service for service in called(settings) if service not in vpc.endpoints)
