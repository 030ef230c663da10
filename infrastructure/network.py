"""A network without a way out: private subnets, and endpoints for what the jobs call."""

from __future__ import annotations

from typing import Any

from infrastructure.parts import Node, attribute, choose, is_true, ref, resource, sub, tags

ZONES = 2
SUBNET_BITS = 11  # of addresses: two /21 in a /20
# What jobs and models call: the service's name in the endpoint, by logical name.
SERVICES = {
    "SageMakerApi": "sagemaker.api",
    "SageMakerRuntime": "sagemaker.runtime",
    "Features": "sagemaker.featurestore-runtime",
    "Logs": "logs",
    "Metrics": "monitoring",
    "ImageApi": "ecr.api",
    "Images": "ecr.dkr",
    "Tokens": "sts",
    "Keys": "kms",
}
ANYWHERE = "0.0.0.0/0"
IMAGE_LAYERS = "arn:${AWS::Partition}:s3:::prod-${AWS::Region}-starport-layer-bucket/*"


def network_conditions() -> dict[str, Any]:
    return {"MakesNetwork": is_true("CreateNetwork")}


def network_resources() -> dict[str, Any]:
    """All under one condition."""
    found = {
        "Network": resource(
            "AWS::EC2::VPC",
            {
                "CidrBlock": ref("NetworkCidr"),
                "EnableDnsSupport": True,
                "EnableDnsHostnames": True,
                "Tags": _named("network"),
            },
            excused={
                "CKV2_AWS_11": "flow logs are an organisation's own: nothing here leads out",
            },
        ),
        "Routes": resource(
            "AWS::EC2::RouteTable", {"VpcId": ref("Network"), "Tags": _named("private")}
        ),
        **_subnets(),
        **_groups(),
        "Storage": _storage(),
        **{f"{name}Endpoint": _interface(service) for name, service in SERVICES.items()},
    }
    return {name: {**node, "Condition": "MakesNetwork"} for name, node in found.items()}


def _named(name: str) -> list[Node]:
    return [{"Key": "Name", "Value": sub("${EndpointName}-" + name)}, *tags()]


def _subnets() -> dict[str, Any]:
    found = {}
    for index in range(ZONES):
        blocks = {"Fn::Cidr": [ref("NetworkCidr"), ZONES, SUBNET_BITS]}
        found[f"Subnet{index + 1}"] = resource(
            "AWS::EC2::Subnet",
            {
                "VpcId": ref("Network"),
                "CidrBlock": {"Fn::Select": [index, blocks]},
                "AvailabilityZone": {"Fn::Select": [index, {"Fn::GetAZs": ""}]},
                "MapPublicIpOnLaunch": False,
                "Tags": _named(f"private-{index + 1}"),
            },
        )
        found[f"Subnet{index + 1}Routes"] = resource(
            "AWS::EC2::SubnetRouteTableAssociation",
            {"SubnetId": ref(f"Subnet{index + 1}"), "RouteTableId": ref("Routes")},
        )
    return found


def _groups() -> dict[str, Any]:
    """Jobs reach each other, the endpoints and S3; nothing reaches them but each other."""
    jobs, endpoints = attribute("JobsGroup", "GroupId"), attribute("EndpointsGroup", "GroupId")
    # Without this one the group would let everything out.
    https = _rule("S3 through its gateway, and the endpoints", 443, CidrIp=ANYWHERE)
    inward = {"GroupId": endpoints, "SourceSecurityGroupId": jobs}
    return {
        "JobsGroup": _group("jobs", "Jobs and models", [https]),
        "JobsAmongThemselves": resource(
            "AWS::EC2::SecurityGroupIngress",
            {**_between_hosts(), "GroupId": jobs, "SourceSecurityGroupId": jobs},
        ),
        "JobsToEachOther": resource(
            "AWS::EC2::SecurityGroupEgress",
            {**_between_hosts(), "GroupId": jobs, "DestinationSecurityGroupId": jobs},
        ),
        "EndpointsGroup": _group("endpoints", "The endpoints of services", [_nowhere()]),
        "JobsToEndpoints": resource(
            "AWS::EC2::SecurityGroupIngress", {**_rule("From jobs and models", 443), **inward}
        ),
    }


def _group(name: str, text: str, egress: list[Node]) -> Node:
    return resource(
        "AWS::EC2::SecurityGroup",
        {
            "GroupName": sub("${EndpointName}-" + name),
            "GroupDescription": sub(text + " of ${EndpointName}"),
            "VpcId": ref("Network"),
            "SecurityGroupEgress": egress,
            "Tags": _named(name),
        },
    )


def _rule(text: str, port: int, **more: Any) -> Node:
    return {
        "Description": text,
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        **more,
    }


def _nowhere() -> Node:
    """A rule that leads only back to the host itself; a group without one lets everything out."""
    return _rule("Nowhere", 443, CidrIp="127.0.0.1/32")


def _between_hosts() -> Node:
    """Everything: at ports that hosts choose, and encrypted, which is UDP and ESP beside TCP."""
    return {"Description": "Hosts of one training", "IpProtocol": "-1"}


def _storage() -> Node:
    """The way to S3: to the bucket, to the data and weights, and to the layers of AWS's images."""
    read = ["s3:GetObject", "s3:ListBucket"]
    write = ["s3:AbortMultipartUpload", "s3:PutObject"]
    bucket = "arn:${AWS::Partition}:s3:::${BucketName}"
    return resource(
        "AWS::EC2::VPCEndpoint",
        {
            "VpcId": ref("Network"),
            "ServiceName": sub("com.amazonaws.${AWS::Region}.s3"),
            "VpcEndpointType": "Gateway",
            "RouteTableIds": [ref("Routes")],
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    _pass("Bucket", [*read, *write], bucket, f"{bucket}/*"),
                    *(
                        choose(
                            condition,
                            _pass(
                                name,
                                read,
                                f"arn:${{AWS::Partition}}:s3:::${{{name}Bucket}}",
                                f"arn:${{AWS::Partition}}:s3:::${{{name}Location}}",
                                f"arn:${{AWS::Partition}}:s3:::${{{name}Location}}/*",
                            ),
                        )
                        for name, condition in (
                            ("Data", "DataLiesElsewhere"),
                            ("Weights", "WeightsLieElsewhere"),
                        )
                    ),
                    _pass("ImageLayers", ["s3:GetObject"], IMAGE_LAYERS),
                ],
            },
        },
    )


def _pass(sid: str, actions: list[str], *arns: str) -> Node:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": "*",
        "Action": actions,
        "Resource": [sub(arn) for arn in arns],
    }


def _interface(service: str) -> Node:
    """An interface in both subnets, for this account's principals."""
    mine = {"StringEquals": {"aws:PrincipalAccount": ref("AWS::AccountId")}}
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": mine}
        ],
    }
    return resource(
        "AWS::EC2::VPCEndpoint",
        {
            "VpcId": ref("Network"),
            "ServiceName": sub("com.amazonaws.${AWS::Region}." + service),
            "VpcEndpointType": "Interface",
            "PrivateDnsEnabled": True,
            "SubnetIds": [ref(f"Subnet{index + 1}") for index in range(ZONES)],
            "SecurityGroupIds": [attribute("EndpointsGroup", "GroupId")],
            "PolicyDocument": policy,
        },
    )
