"""What the policies of VPC endpoints let through."""

from provision.preflight.endpoints import check_endpoints

ALL = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


def found(world):
    return [(one.level, one.problem) for one in check_endpoints(world.bare)]


def objects(*buckets):
    places = [f"arn:aws:s3:::{bucket}{end}" for bucket in buckets for end in ("", "/*")]
    return {**ALL, "Action": "s3:*", "Resource": places}


OURS = ("breedline-artifacts", "prod-eu-west-1-starport-layer-bucket")


def test_without_a_vpc_there_is_nothing_to_find(world):
    assert found(world) == []


def test_endpoints_without_a_policy_of_their_own_let_everything_through(world):
    world.put_network()
    assert found(world) == []


def test_a_gateway_that_knows_the_buckets_is_enough(world):
    world.put_network()
    world.put_policy("s3", objects(*OURS))
    assert found(world) == []


def test_a_gateway_that_does_not_know_our_bucket_is_a_fault_with_its_remedy(world):
    world.put_network()
    world.put_policy("s3", objects("somebody-elses", OURS[1]))
    (one,) = check_endpoints(world.bare)
    assert (one.level, one.about[:18]) == ("fault", "VPC endpoint vpce-")
    assert "does not let jobs s3:" in one.problem
    assert "arn:aws:s3:::breedline-artifacts" in one.problem
    statements = one.policy["Statement"]
    assert {"AWS": world.settings.jobs_role_arn} in [each["Principal"] for each in statements]
    world.put_policy("s3", objects("somebody-elses", OURS[1]), *statements)
    assert found(world) == []


def test_a_gateway_that_lets_read_only_is_a_fault_about_writing(world):
    world.put_network()
    world.put_policy("s3", {**objects(*OURS), "Action": ["s3:Get*", "s3:List*"]})
    ((level, problem),) = found(world)
    assert level == "fault"
    assert "s3:PutObject" in problem
    assert "s3:GetObject" not in problem


def test_a_gateway_that_keeps_the_layers_of_images_is_a_warning(world):
    world.put_network()
    world.put_policy("s3", objects(OURS[0]))
    assert found(world) == [
        ("warning", f"its policy keeps the layers of images from the network ({OURS[1]})")
    ]


def test_the_endpoint_of_the_feature_store_must_take_records(world):
    world.put_network()
    world.put_policy("sagemaker.featurestore-runtime", {**ALL, "Action": "sagemaker:GetRecord"})
    ((level, problem),) = found(world)
    assert level == "fault"
    assert "sagemaker:BatchGetRecord, sagemaker:PutRecord on arn:aws:sagemaker:" in problem


def test_the_endpoint_of_sagemaker_must_tell_of_the_champion(world):
    world.put_network()
    denied = {**ALL, "Effect": "Deny", "Action": "sagemaker:DescribeModelPackage"}
    world.put_policy("sagemaker.api", ALL, denied)
    ((_, problem),) = found(world)
    assert "does not let jobs sagemaker:DescribeModelPackage on" in problem


def test_what_a_condition_hides_is_no_finding(world):
    world.put_network()
    hidden = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
    world.put_policy("s3", {**ALL, "Condition": hidden})
    assert found(world) == []


def test_where_a_nat_leads_to_s3_its_gateway_is_not_asked(world):
    vpc, ec2 = world.put_network(), world.clients("ec2")
    world.put_policy("s3", objects("somebody-elses"))
    subnet = world.settings.aws.subnets[0]
    made = ec2.create_nat_gateway(SubnetId=subnet)["NatGateway"]["NatGatewayId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=made)
    assert found(world) == []


def test_what_sagemaker_itself_writes_needs_no_way_through_the_network(world):
    world.put_network()
    assert world.settings.feature_group
    allow = {**objects(*OURS), "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]}
    abort = {**objects(*OURS), "Action": "s3:AbortMultipartUpload"}
    world.put_policy("s3", allow, abort)
    assert found(world) == []
