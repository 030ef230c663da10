"""The rules of security groups between jobs, endpoints, S3 and the hosts of one training."""

import pytest

from provision.preflight.ports import check_ports

CALLED = [
    *("sagemaker.api", "sagemaker.runtime", "logs", "monitoring", "sts", "ecr.api", "ecr.dkr"),
    *("sagemaker.featurestore-runtime", "kms"),
]


def problems(world):
    return [found.problem for found in check_ports(world.bare)]


def jobs(world):
    return world.settings.aws.security_groups[0]


def alone(world):
    """Trainings of one host, which nobody else is to reach."""
    world.put_network()
    world.change(training={"instance_count": 1}, tuning={"instance_count": 1})


def let_out(world, *rules):
    """Replace what the jobs' group lets out."""
    ec2 = world.clients("ec2")
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_egress(GroupId=jobs(world), IpPermissions=[everything])
    if rules:
        ec2.authorize_security_group_egress(GroupId=jobs(world), IpPermissions=list(rules))


def https(**peers):
    return {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **peers}


def test_without_a_vpc_there_is_nothing_to_find(world):
    assert problems(world) == []


def test_endpoints_that_the_jobs_may_enter_and_a_way_to_s3_are_no_finding(world):
    world.put_network()
    assert problems(world) == []


def test_a_group_that_lets_out_by_443_only_is_enough(world):
    alone(world)
    let_out(world, https(IpRanges=[{"CidrIp": "0.0.0.0/0"}]))
    assert problems(world) == []


def test_a_group_that_lets_out_to_endpoints_and_to_a_prefix_list_is_enough(world):
    alone(world)
    group = world.endpoint("logs")["Groups"][0]["GroupId"]
    pair = https(UserIdGroupPairs=[{"GroupId": group}])
    let_out(world, pair, https(PrefixListIds=[{"PrefixListId": "pl-6da54004"}]))
    assert problems(world) == []


def test_jobs_that_only_their_own_network_lets_out_do_not_reach_s3(world):
    alone(world)
    let_out(world, https(IpRanges=[{"CidrIp": "10.0.0.0/16"}]))
    assert problems(world) == ["no rule lets jobs out to S3 (TCP 443)"]


def test_jobs_that_nothing_lets_out_reach_neither_s3_nor_an_endpoint(world):
    alone(world)
    let_out(world)
    assert problems(world) == [
        "no rule lets jobs out to S3 (TCP 443)",
        f"no rule lets jobs out to the VPC endpoints of {', '.join(CALLED)} (TCP 443)",
    ]


def test_endpoints_that_let_in_others_only_are_one_fault_about_their_group(world):
    vpc = world.put_network()
    group, other = world.close_endpoints(), world.put_group(vpc, "others")
    world.open(group, other, 443)
    (found,) = check_ports(world.bare)
    assert (found.level, found.about) == ("fault", f"security groups {group}")
    assert found.problem == (
        f"no rule lets jobs in to the VPC endpoints of {', '.join(CALLED)} (TCP 443)"
    )
    assert found.remedy == f"allow inbound TCP 443 there from {jobs(world)}"


def test_an_endpoint_that_lets_in_the_subnets_block_is_open(world):
    world.put_network()
    block = https(IpRanges=[{"CidrIp": "10.0.0.0/24"}])
    world.clients("ec2").authorize_security_group_ingress(
        GroupId=world.close_endpoints(), IpPermissions=[block]
    )
    assert problems(world) == []


def test_hosts_of_one_training_must_reach_each_other_at_every_port(world):
    world.put_network()
    world.keep_apart()
    world.change(training={"instance_count": 2})
    (problem,) = problems(world)
    assert problem == (
        "no rule lets the hosts of one training in from each other (TCP 1024-65535, UDP 500, ESP)"
    )
    world.open(jobs(world), jobs(world), 1024, 65535)
    assert problems(world) == [problem.replace("TCP 1024-65535, ", "")]
    world.open(jobs(world), jobs(world), protocol="-1")
    assert problems(world) == []


def test_one_host_has_nobody_to_reach(world):
    world.put_network()
    world.keep_apart()
    world.change(training={"instance_count": 1}, tuning={"instance_count": 1})
    assert problems(world) == []


def test_rules_together_may_open_every_port(world):
    world.put_network()
    world.keep_apart()
    world.change(tuning={"instance_count": 2})
    for rule in ((1024, 30000, "tcp"), (30001, 65535, "tcp"), (500, 500, "udp")):
        world.open(jobs(world), jobs(world), rule[0], rule[1], protocol=rule[2])
    assert problems(world) == ["no rule lets the hosts of one training in from each other (ESP)"]


@pytest.mark.parametrize("count", [1, 2])
def test_a_group_that_lets_out_by_443_only_holds_several_hosts_apart(world, count):
    world.put_network()
    world.change(training={"instance_count": count}, tuning={"instance_count": 1})
    let_out(world, https(IpRanges=[{"CidrIp": "0.0.0.0/0"}]))
    assert [problem[:52] for problem in problems(world)] == [
        "no rule lets the hosts of one training out to each o"
    ] * (count - 1)
