"""An account in which preflight finds nothing, and the means to spoil it."""

import datetime
import json
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest
from moto.ec2.models import ec2_backends

from local.iam.simulate import answer_simulations
from local.quotas import answer_quotas
from pipeline.policies import job_documents
from provision.preflight.checks import run_checks
from provision.preflight.findings import Subject
from statemachine.names import Names
from statemachine.policies import role_documents

TODAY = datetime.date(2026, 1, 15)
INTERFACES = [
    *("sagemaker.api", "sagemaker.runtime", "sagemaker.featurestore-runtime", "logs"),
    *("monitoring", "sts", "ecr.api", "ecr.dkr", "kms"),
]


@dataclass
class World:
    """Settings, and the clients of an account that is as they want it."""

    clients: Any
    settings: Any
    described: Any
    today: datetime.date = TODAY
    data_uri: str = "s3://pictures/animals"

    def change(self, **sections):
        """`change(aws={"kms_key": …})` sets keys of the settings."""
        changed = {
            name: replace(getattr(self.settings, name), **keys) for name, keys in sections.items()
        }
        self.settings = replace(self.settings, **changed)

    def put_role(self, actor, name, trust=None, without=""):
        """A role with what its actor needs, but for one action."""
        documents = job_documents(self.settings)[actor]
        policy = json.loads(json.dumps(documents["policy"]))
        for statement in policy["Statement"]:
            statement["Action"] = [one for one in statement["Action"] if one != without]
        policy["Statement"] = [one for one in policy["Statement"] if one["Action"]]
        iam = self.clients("iam")
        trust = json.dumps(trust or documents["trust"])
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy))

    def put_data(self, uri, *names):
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        s3 = self.clients("s3")
        s3.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        for name in names:
            s3.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=b"")

    def put_network(self, endpoints=True):
        """A VPC without a way out; the settings then name its subnet."""
        ec2 = self.clients("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        group = self.put_group(vpc, "jobs")
        self.open(group, group, protocol="-1")
        self.change(aws={"subnets": (subnet,), "security_groups": (group,)})
        if endpoints:
            self.put_endpoints(vpc)
        return vpc

    def put_group(self, vpc, name):
        """A security group that lets everything out and nothing in."""
        made = self.clients("ec2").create_security_group(
            GroupName=name, Description=name, VpcId=vpc
        )
        return made["GroupId"]

    def put_endpoints(self, vpc):
        """For all services, open to the jobs alone."""
        ec2, name = self.clients("ec2"), "com.amazonaws.eu-west-1"
        table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
        gateway = [table["RouteTables"][0]["RouteTableId"]]
        ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=f"{name}.s3", RouteTableIds=gateway)
        (jobs,), subnets = self.settings.aws.security_groups, list(self.settings.aws.subnets)
        group = self.put_group(vpc, "endpoints")
        self.open(group, jobs, 443)
        for service in INTERFACES:
            ec2.create_vpc_endpoint(
                VpcId=vpc,
                ServiceName=f"{name}.{service}",
                VpcEndpointType="Interface",
                SubnetIds=subnets,
                SecurityGroupIds=[group],
                PrivateDnsEnabled=True,
            )

    def open(self, group, other, *ports, protocol="tcp"):
        """Let the members of another group in."""
        rule = {"IpProtocol": protocol, "UserIdGroupPairs": [{"GroupId": other}]}
        if ports:
            rule |= {"FromPort": ports[0], "ToPort": ports[-1]}
        self.clients("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])

    def keep_apart(self):
        """Close the jobs' group to itself."""
        (jobs,) = self.settings.aws.security_groups
        rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": jobs}]}
        self.clients("ec2").revoke_security_group_ingress(GroupId=jobs, IpPermissions=[rule])

    def close_endpoints(self):
        """Take back the rule that lets jobs in; returns the endpoints' group."""
        group = self.endpoint("logs")["Groups"][0]["GroupId"]
        ec2 = self.clients("ec2")
        rules = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=rules)
        return group

    def endpoint(self, service):
        """The endpoint of a service, as EC2 describes it."""
        found = self.clients("ec2").describe_vpc_endpoints()["VpcEndpoints"]
        return next(one for one in found if one["ServiceName"].endswith(f"eu-west-1.{service}"))

    def put_policy(self, service, *statements):
        """An endpoint's own policy; moto cannot change one that is there."""
        found = ec2_backends["123456789012"]["eu-west-1"].vpc_end_points
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        found[self.endpoint(service)["VpcEndpointId"]].policy_document = json.dumps(document)

    def put_topic(self):
        sns, names = self.clients("sns"), Names(self.settings)
        arn = sns.create_topic(Name=names.topic)["TopicArn"]
        for email in self.settings.alarms.emails:
            sns.subscribe(TopicArn=arn, Protocol="email", Endpoint=email)

    def put_key(self):
        kms = self.clients("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=self.settings.aws.kms_key, TargetKeyId=key)

    def in_another_account(self, service):
        sts = self.clients("sts")
        role = "arn:aws:iam::999999999999:role/other"
        made = sts.assume_role(RoleArn=role, RoleSessionName="other")["Credentials"]
        return boto3.client(
            service,
            "eu-west-1",
            aws_access_key_id=made["AccessKeyId"],
            aws_secret_access_key=made["SecretAccessKey"],
            aws_session_token=made["SessionToken"],
        )

    @property
    def subject(self):
        """With all that is compiled, which takes a while for each change of the settings."""
        documents = self.described(self.settings)
        return replace(self.bare, pipeline=documents.pipeline, machines=documents.machines)

    @property
    def bare(self):
        """For checks that look at no pipeline and no state machine."""
        return Subject(
            clients=self.clients,
            settings=self.settings,
            pipeline={},
            machines={},
            roles={**job_documents(self.settings), **role_documents(self.settings)},
            data_uri=self.data_uri,
            today=self.today,
        )

    def check(self):
        """Check -> its findings, where there are any."""
        checked = run_checks(self.subject)
        return {check.name: list(check.findings) for check in checked if check.findings}


@pytest.fixture
def world(clients, local, described):
    answer_simulations()
    answer_quotas()
    made = World(clients, local, described)
    made.change(
        aws={"bucket": "breedline-artifacts", "kms_key": "alias/breedline"},
        alarms={"emails": ("ada@example.com",)},
        roles={"jobs": "jobs"},
        prepare={"min_images_per_class": 2},
    )
    return made


@pytest.fixture
def sound(world):
    """All is there, and as it should be."""
    world.put_network()
    world.put_key()
    world.put_role("pipeline", "breedline-execution")
    world.put_role("jobs", "jobs")
    world.put_data(world.data_uri, "cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg")
    world.put_topic()
    return world
