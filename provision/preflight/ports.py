"""Whether security groups let jobs reach VPC endpoints, S3, and each other.

A rule that may let them is taken to do so: what stands behind a prefix list is not looked at.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from provision.preflight.findings import Finding, Subject
from provision.preflight.network import sound_vpc
from provision.preflight.vpc import STORAGE, Found, Vpc, called
from settings import Settings
from settings.workload import TABULAR

HTTPS = 443
EVERYTHING, TCP, UDP, ESP = "-1", ("tcp", "6"), ("udp", "17"), ("50", "esp")
CHOSEN = range(1024, 65536)  # the ports that hosts of one training open to each other
KEYS = 500  # of UDP, by which hosts agree how to encrypt between them
PRIVATE = [
    ipaddress.IPv4Network(block)
    for block in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
]
OUT, IN = "IpPermissionsEgress", "IpPermissions"


@dataclass(frozen=True)
class Peers:
    """Who is at the other end: members of groups, with addresses in blocks."""

    groups: frozenset[str]
    blocks: tuple[ipaddress.IPv4Network, ...]

    def may_be_meant(self, rule: Found) -> bool:
        """Whether a rule speaks of some of them."""
        named = {pair.get("GroupId") for pair in rule.get("UserIdGroupPairs", [])}
        ranges = [ipaddress.IPv4Network(one["CidrIp"], False) for one in rule.get("IpRanges", [])]
        near = any(block.overlaps(one) for block in self.blocks for one in ranges)
        return bool(named & self.groups) or near or bool(rule.get("PrefixListIds"))


def check_ports(subject: Subject) -> Iterator[Finding]:
    """The rules of the jobs' security groups, and of the endpoints' that they call."""
    vpc, settings = sound_vpc(subject), subject.settings
    if vpc is None:
        return
    jobs = Peers(frozenset(group["GroupId"] for group in vpc.groups), (*map(_block, vpc.subnets),))
    about = f"security groups {', '.join(sorted(jobs.groups))}"
    yield from _to_storage(vpc, about)
    yield from _to_endpoints(subject, vpc, jobs, about)
    yield from _among_themselves(settings, vpc, jobs, about)


def _to_storage(vpc: Vpc, about: str) -> Iterator[Finding]:
    """S3's addresses are public ones, also behind a gateway endpoint."""
    rules = [rule for rule in _rules(vpc.groups, OUT) if _covers([rule], TCP, [HTTPS])]
    storage = vpc.endpoints.get(STORAGE, {})
    if storage.get("VpcEndpointType") == "Interface" or any(map(_reaches_public, rules)):
        return
    remedy = "allow outbound TCP 443 to S3's prefix list, or to 0.0.0.0/0"
    yield Finding("fault", about, "no rule lets jobs out to S3 (TCP 443)", remedy)


def _reaches_public(rule: Found) -> bool:
    ranges = [ipaddress.IPv4Network(one["CidrIp"], False) for one in rule.get("IpRanges", [])]
    public = [one for one in ranges if not any(one.subnet_of(block) for block in PRIVATE)]
    return bool(rule.get("PrefixListIds") or public)


def _to_endpoints(subject: Subject, vpc: Vpc, jobs: Peers, about: str) -> Iterator[Finding]:
    """443 out of the jobs' groups, and into the endpoints', which often share theirs."""
    unreached, closed = defaultdict(list), defaultdict(list)
    for service, endpoint in _taken(subject.settings, vpc):
        groups, there = _place_of(subject, endpoint)
        named = ", ".join(sorted(there.groups))
        if not _lets(vpc.groups, OUT, there, TCP, [HTTPS]):
            unreached[named].append(service)
        if not _lets(groups, IN, jobs, TCP, [HTTPS]):
            closed[named].append(service)
    for named, services in unreached.items():
        problem = f"no rule lets jobs out to the VPC endpoints of {', '.join(services)} (TCP 443)"
        yield Finding("fault", about, problem, f"allow outbound TCP 443 to {named}")
    for named, services in closed.items():
        problem = f"no rule lets jobs in to the VPC endpoints of {', '.join(services)} (TCP 443)"
        remedy = f"allow inbound TCP 443 there from {', '.join(sorted(jobs.groups))}"
        yield Finding("fault", f"security groups {named}", problem, remedy)


def _taken(settings: Settings, vpc: Vpc) -> Iterator[tuple[str, Found]]:
    """The interface endpoints that jobs' calls go by: also beside a NAT where they have names."""
    for service in (*called(settings), STORAGE):
        endpoint = vpc.endpoints.get(service, {})
        taken = vpc.is_closed or endpoint.get("PrivateDnsEnabled")
        if taken and endpoint.get("VpcEndpointType") == "Interface" and endpoint.get("Groups"):
            yield service, endpoint


def _place_of(subject: Subject, endpoint: Found) -> tuple[list[Found], Peers]:
    """An endpoint's security groups, and who stands there."""
    ec2, named = subject.clients("ec2"), [group["GroupId"] for group in endpoint["Groups"]]
    groups = ec2.describe_security_groups(GroupIds=named)["SecurityGroups"]
    placed = list(endpoint.get("SubnetIds", []))
    subnets = ec2.describe_subnets(SubnetIds=placed)["Subnets"] if placed else []
    return groups, Peers(frozenset(named), (*map(_block, subnets),))


def _among_themselves(settings: Settings, vpc: Vpc, jobs: Peers, about: str) -> Iterator[Finding]:
    """The hosts of one training: every port, and where they encrypt, what that takes."""
    several = settings.training.instance_count, settings.tuning.instance_count
    if settings.workload.kind == TABULAR or max(several) == 1:
        return
    for key, direction, word in ((IN, "in from", "inbound"), (OUT, "out to", "outbound")):
        missing = [
            name
            for name, protocol, ports in _between_hosts()
            if not _lets(vpc.groups, key, jobs, protocol, ports)
        ]
        if missing:
            yield Finding(
                "fault",
                about,
                f"no rule lets the hosts of one training {direction} each other "
                f"({', '.join(missing)})",
                f"allow all {word} traffic of the group with itself, or train on one instance",
            )


def _between_hosts() -> Iterator[tuple[str, Sequence[str], Sequence[int]]]:
    """Traffic between containers is encrypted by IPsec: its keys by UDP, its packets by ESP."""
    yield "TCP 1024-65535", TCP, CHOSEN
    yield "UDP 500", UDP, [KEYS]
    yield "ESP", ESP, []


def _lets(
    groups: Iterable[Found], key: str, peers: Peers, protocol: Sequence[str], ports: Sequence[int]
) -> bool:
    rules = [rule for rule in _rules(groups, key) if peers.may_be_meant(rule)]
    return _covers(rules, protocol, ports)


def _covers(rules: Iterable[Found], protocol: Sequence[str], ports: Sequence[int]) -> bool:
    """Whether the rules together are about every one of the ports."""
    found = [rule for rule in rules if rule["IpProtocol"] in (EVERYTHING, *protocol)]
    if any(rule["IpProtocol"] == EVERYTHING for rule in found) or (found and not ports):
        return True
    left = set(ports)
    for rule in found:
        left -= {*range(rule.get("FromPort", 0), rule.get("ToPort", 65535) + 1)}
    return bool(found) and not left


def _rules(groups: Iterable[Found], key: str) -> list[Any]:
    return [rule for group in groups for rule in group.get(key, [])]


def _block(subnet: Found) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(subnet["CidrBlock"])
