"""Ways from the settings' subnets to what jobs call."""

from provision.preflight.network import check_network


def problems(world):
    return [found.problem for found in check_network(world.bare)]


def add_route(world, vpc, **way):
    ec2 = world.clients("ec2")
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=world.settings.aws.subnets[0])
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **way)


def test_without_a_vpc_there_is_nothing_to_find(world):
    assert problems(world) == []


def test_a_nat_gateway_leads_everywhere(world):
    vpc = world.put_network(endpoints=False)
    subnet = world.settings.aws.subnets[0]
    made = world.clients("ec2").create_nat_gateway(SubnetId=subnet)
    add_route(world, vpc, NatGatewayId=made["NatGateway"]["NatGatewayId"])
    assert problems(world) == []


def test_an_internet_gateway_leads_nowhere_without_public_addresses(world):
    vpc, ec2 = world.put_network(endpoints=False), world.clients("ec2")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    add_route(world, vpc, GatewayId=gateway)
    (problem,) = problems(world)
    assert problem.startswith("nothing leads from it to s3, sagemaker.api")


def test_a_gateway_endpoint_counts_only_in_its_route_tables(world):
    vpc, ec2 = world.put_network(), world.clients("ec2")
    assert problems(world) == []
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=world.settings.aws.subnets[0])
    assert problems(world) == ["nothing leads from it to s3"]


def test_subnets_and_groups_of_several_vpcs_are_a_fault(world):
    world.put_network()
    groups = world.settings.aws.security_groups
    world.put_network()
    world.change(aws={"security_groups": groups})
    (problem,) = problems(world)
    assert problem.startswith("subnets and security groups are of several VPCs")


def test_a_subnet_that_is_not_there_is_a_fault(world):
    world.put_network()
    world.change(aws={"subnets": ("subnet-0123456789abcdef0",)})
    assert "subnet-0123456789abcdef0" in problems(world)[0]
