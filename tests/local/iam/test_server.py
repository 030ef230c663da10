"""A server that records the calls of roles and refuses what their policies do not allow."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from local.connection import ensure_server, stop_server
from local.iam.calls import InvalidSwitch, Watch, read_watch

REGION, ACCOUNT = "eu-west-1", "123456789012"
TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
}
CODE = b"""
import boto3
print(boto3.client("sts").get_caller_identity()["Arn"])
boto3.client("s3").put_object(Bucket="photos", Key="said/by-the-job", Body=b"x")
"""


class World:
    """One server; roles are made in it, and clients that work as one."""

    def __init__(self, folder):
        self.folder = folder
        self.connection, _ = ensure_server(folder, REGION)

    def client(self, service, **more):
        return boto3.client(service, **self.connection.client_options() | more)

    def role(self, name, *statements):
        iam = self.client("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
        return f"arn:aws:iam::{ACCOUNT}:role/{name}"

    def as_role(self, service, arn):
        given = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
        return self.client(
            service,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )

    def calls(self, role):
        lines = (self.folder / "calls.jsonl").read_text(encoding="utf-8").splitlines()
        return [call for call in map(json.loads, lines) if call["role"].endswith(f"/{role}")]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("iam") / "state"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BREEDLINE_RECORD_CALLS", "1")
        patch.setenv("BREEDLINE_ENFORCE_IAM", "1")
        made = World(folder)
    place = {"LocationConstraint": REGION}
    made.client("s3").create_bucket(Bucket="photos", CreateBucketConfiguration=place)
    for key in ("data/1.jpg", "secret/2.jpg"):
        made.client("s3").put_object(Bucket="photos", Key=key, Body=b"x")
    made.client("s3").put_object(Bucket="photos", Key="code/job.py", Body=CODE)
    yield made
    stop_server(folder)


def allow(actions, resources):
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def test_whoever_assumes_a_role_is_that_role(world):
    arn = world.role("identity")
    found = world.as_role("sts", arn).get_caller_identity()
    assert found["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/identity/me"
    assert found["Account"] == ACCOUNT


def test_a_role_may_do_what_its_policy_allows_and_no_more(world):
    arn = world.role("reader", allow("s3:GetObject", "arn:aws:s3:::photos/data/*"))
    s3 = world.as_role("s3", arn)
    assert s3.get_object(Bucket="photos", Key="data/1.jpg")["Body"].read() == b"x"
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket="photos", Key="secret/2.jpg")
    error = refused.value.response["Error"]
    assert error["Code"] == "AccessDenied"
    assert error["Message"] == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/reader/me is not authorized to perform: "
        "s3:GetObject on resource: arn:aws:s3:::photos/secret/2.jpg because no identity-based "
        "policy allows the s3:GetObject action"
    )
    calls = world.calls("reader")
    assert [(call["operation"], call["action"], call["resource"]) for call in calls] == [
        ("GetObject", "s3:GetObject", "arn:aws:s3:::photos/data/1.jpg"),
        ("GetObject", "s3:GetObject", "arn:aws:s3:::photos/secret/2.jpg"),
    ]
    assert calls[0]["session"] == "me"
    assert calls[0]["context"]["aws:PrincipalAccount"] == ACCOUNT


REFUSALS = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


@pytest.mark.parametrize(
    "service, method, given, action",
    [
        ("sagemaker", "describe_endpoint", {"EndpointName": "e"}, "sagemaker:DescribeEndpoint"),
        (
            "sns",
            "publish",
            {"TopicArn": f"arn:aws:sns:{REGION}:1:t", "Message": "m"},
            "sns:Publish",
        ),
        ("lambda", "invoke", {"FunctionName": "f"}, "lambda:InvokeFunction"),
        ("cloudwatch", "describe_alarms", {"AlarmNames": ["a"]}, "cloudwatch:DescribeAlarms"),
        ("ec2", "describe_vpcs", {}, "ec2:DescribeVpcs"),
        ("cloudformation", "describe_stacks", {}, "cloudformation:DescribeStacks"),
        ("kms", "describe_key", {"KeyId": "k"}, "kms:DescribeKey"),
    ],
)
def test_every_protocol_has_a_refusal_that_names_the_action(world, service, method, given, action):
    name = f"nothing-{service}"
    client = world.as_role(service, world.role(name))
    with pytest.raises(ClientError) as refused:
        getattr(client, method)(**given)
    assert refused.value.response["Error"]["Code"] in REFUSALS
    assert f"/{name}/me is not authorized to perform: {action} on" in str(refused.value)


def test_a_boundary_bounds_and_a_deny_denies(world):
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow("s3:Get*", "*")]})
    iam = world.client("iam")
    boundary = iam.create_policy(PolicyName="bound", PolicyDocument=document)["Policy"]["Arn"]
    denied = {"Effect": "Deny", "Action": "*", "Resource": "arn:aws:s3:::photos/secret/*"}
    arn = world.role("bounded", allow("*", "*"), denied)
    iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=boundary)
    s3 = world.as_role("s3", arn)
    s3.get_object(Bucket="photos", Key="data/1.jpg")
    with pytest.raises(ClientError, match="no permissions boundary allows the s3:ListBucket"):
        s3.list_objects_v2(Bucket="photos")
    with pytest.raises(ClientError, match="with an explicit deny in an identity-based policy"):
        s3.get_object(Bucket="photos", Key="secret/2.jpg")


def test_what_nobody_has_a_table_for_is_refused_and_recorded_without_an_action(world):
    arn = world.role("strange", allow("*", "*"))
    with pytest.raises(ClientError, match="does not know which permissions that needs"):
        world.as_role("s3", arn).get_bucket_logging(Bucket="photos")
    (call,) = world.calls("strange")
    assert call["action"] is None


def test_a_role_that_does_not_exist_may_do_nothing(world):
    s3 = world.as_role("s3", f"arn:aws:iam::{ACCOUNT}:role/nobody")
    with pytest.raises(ClientError, match="role/nobody does not exist in this server's IAM"):
        s3.get_object(Bucket="photos", Key="data/1.jpg")


def job(world, name, *statements):
    """The end of a processing job under a role of its own, and the lines that it printed."""
    sagemaker = world.client("sagemaker")
    code = {"S3Uri": "s3://photos/code/", "LocalPath": "/opt/ml/processing/input/code"}
    sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=world.role(name, *statements),
        ProcessingResources={
            "ClusterConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 1,
            }
        },
        AppSpecification={
            "ImageUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/python:3",
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/job.py"],
        },
        ProcessingInputs=[
            {
                "InputName": "code",
                "S3Input": {**code, "S3DataType": "S3Prefix", "S3InputMode": "File"},
            }
        ],
    )
    waiter = sagemaker.get_waiter("processing_job_completed_or_stopped")
    try:
        waiter.wait(ProcessingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    except Exception as error:  # noqa: BLE001 - a failed job is what some tests want
        assert "terminal failure" in str(error)
    return sagemaker.describe_processing_job(ProcessingJobName=name)


STARTS = (
    allow(["ecr:*", "cloudwatch:PutMetricData", "logs:DescribeLogStreams"], "*"),
    allow(["s3:GetObject", "s3:ListBucket"], ["arn:aws:s3:::photos", "arn:aws:s3:::photos/code/*"]),
)
LOGS = allow("logs:*", "arn:aws:logs:*:*:log-group:/aws/sagemaker/ProcessingJobs:*")


def test_a_job_works_as_its_role_from_the_image_to_the_log(world):
    written = allow("s3:PutObject", "arn:aws:s3:::photos/said/*")
    ended = job(world, "whole", *STARTS, LOGS, written)
    assert ended["ProcessingJobStatus"] == "Completed", ended.get("FailureReason")
    logs = world.client("logs")
    group = "/aws/sagemaker/ProcessingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="whole/")
    stream = streams["logStreams"][0]["logStreamName"]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
    session = "processing-job-whole"
    assert events[0]["message"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/whole/{session}"
    calls = world.calls("whole")
    assert {call["session"] for call in calls} == {session}
    assert {call["action"] for call in calls} == {
        *("ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"),
        *("ecr:GetDownloadUrlForLayer", "s3:ListBucket", "s3:GetObject", "s3:PutObject"),
        *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
        *("logs:DescribeLogStreams", "cloudwatch:PutMetricData"),
    }


def test_a_job_that_may_not_read_its_input_fails_and_says_why(world):
    ended = job(world, "blind", STARTS[0], LOGS)
    assert ended["ProcessingJobStatus"] == "Failed"
    assert "ClientError: User:" in ended["FailureReason"]
    assert "s3:ListBucket on resource: arn:aws:s3:::photos " in ended["FailureReason"]


def test_a_call_of_a_script_is_refused_and_what_may_not_be_logged_is_lost(world):
    ended = job(world, "mute", *STARTS)
    assert ended["ProcessingJobStatus"] == "Failed"
    assert "s3:PutObject on resource: arn:aws:s3:::photos/said/by-the-job" in ended["FailureReason"]
    streams = world.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix="mute/"
    )
    assert streams["logStreams"] == []


def test_the_users_own_key_may_do_everything_and_is_not_recorded(world):
    world.client("s3").get_object(Bucket="photos", Key="secret/2.jpg")
    text = (world.folder / "calls.jsonl").read_text(encoding="utf-8")
    assert all(json.loads(line)["role"] for line in text.splitlines())


def test_a_switch_is_on_or_off():
    assert read_watch({"BREEDLINE_RECORD_CALLS": "1", "BREEDLINE_ENFORCE_IAM": "0"}) == Watch(True)
    with pytest.raises(InvalidSwitch, match="BREEDLINE_ENFORCE_IAM is 'yes'; set it to 1"):
        read_watch({"BREEDLINE_ENFORCE_IAM": "yes"})
