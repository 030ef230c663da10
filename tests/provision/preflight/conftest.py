"""An account in which preflight finds nothing, and the means to spoil it."""

import datetime
import json
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest

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
        group = ec2.create_security_group(GroupName="jobs", Description="jobs", VpcId=vpc)
        self.change(aws={"subnets": (subnet,), "security_groups": (group["GroupId"],)})
        if endpoints:
            self.put_endpoints(vpc)
        return vpc

    def put_endpoints(self, vpc):
        ec2 = self.clients("ec2")
        table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
        gateway = [table["RouteTables"][0]["RouteTableId"]]
        name = "com.amazonaws.eu-west-1"
        ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=f"{name}.s3", RouteTableIds=gateway)
        for service in INTERFACES:
            ec2.create_vpc_endpoint(
                VpcId=vpc, ServiceName=f"{name}.{service}", VpcEndpointType="Interface"
            )

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
