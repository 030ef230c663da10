"""Stacks really make, change, replace and delete resources, and take back what fails."""

import os
import signal
import time

import pytest
from botocore.exceptions import ClientError

QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "letters"}}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def role(name, *actions):
    policies = [
        {
            "PolicyName": "own",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}],
            },
        }
    ]
    properties = {"RoleName": name, "AssumeRolePolicyDocument": TRUST, "Policies": policies}
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def alarm(queue):
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": "letters-wait",
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateNumberOfMessagesVisible",
            "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}],
            "Statistic": "Maximum",
            "Period": "60",
            "EvaluationPeriods": 1,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
        },
    }


def queues(hand):
    return {url.rpartition("/")[2] for url in hand.client("sqs").list_queues().get("QueueUrls", [])}


def changes(change_set):
    return {
        c["ResourceChange"]["LogicalResourceId"]: (
            c["ResourceChange"]["Action"],
            c["ResourceChange"].get("Replacement"),
        )
        for c in change_set["Changes"]
    }


@pytest.fixture
def clean(hand):
    """Nothing of a stack is left after a test."""
    yield hand
    for stack in hand.client("cloudformation").describe_stacks()["Stacks"]:
        hand.client("cloudformation").delete_stack(StackName=stack["StackName"])
        hand.settled(stack["StackId"])


def test_a_stack_makes_its_resources_in_the_order_of_their_references(clean):
    stack = clean.bring(
        "post",
        {"Alarm": alarm("Queue"), "Queue": QUEUE},
        Outputs={"Arn": {"Value": {"Fn::GetAtt": ["Queue", "Arn"]}}},
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack.get("StackStatusReason")
    assert stack["Outputs"][0]["OutputValue"] == "arn:aws:sqs:eu-west-1:123456789012:letters"
    (made,) = clean.client("cloudwatch").describe_alarms(AlarmNames=["letters-wait"])[
        "MetricAlarms"
    ]
    assert made["Dimensions"] == [{"Name": "QueueName", "Value": "letters"}]
    assert made["Period"] == 60


def test_a_change_set_tells_what_is_changed_replaced_and_removed(clean):
    clean.bring("post", {"Queue": QUEUE, "Alarm": alarm("Queue"), "Role": role("a", "s3:Get")})
    renamed = {**QUEUE, "Properties": {"QueueName": "parcels"}}
    proposed = {"Queue": renamed, "Alarm": alarm("Queue"), "Topic": {"Type": "AWS::SNS::Topic"}}
    change_set = clean.propose("post", proposed, "UPDATE")
    assert changes(change_set) == {
        "Queue": ("Modify", "True"),
        "Alarm": ("Modify", "False"),
        "Topic": ("Add", None),
        "Role": ("Remove", None),
    }
    assert queues(clean) == {"letters"}  # nothing is done yet
    stack = clean.bring("post", proposed, "UPDATE")
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert queues(clean) == {"parcels"}
    with pytest.raises(ClientError, match="NoSuchEntity"):
        clean.client("iam").get_role(RoleName="a")


def test_the_same_template_is_no_change(clean):
    clean.bring("post", {"Queue": QUEUE})
    change_set = clean.propose("post", {"Queue": QUEUE}, "UPDATE")
    assert (change_set["Status"], change_set["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "didn't contain changes" in change_set["StatusReason"]


def test_a_creation_that_fails_is_taken_back_with_the_service_s_own_reason(clean):
    iam = clean.client("iam")
    iam.create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")
    stack = clean.bring(
        "post", {"Queue": QUEUE, "Role": {**role("theirs", "s3:Get"), "DependsOn": "Queue"}}
    )
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert queues(clean) == set()
    events = clean.client("cloudformation").describe_stack_events(StackName="post")["StackEvents"]
    (failed,) = [e for e in events if e["ResourceStatus"] == "CREATE_FAILED"]
    assert "already exists" in failed["ResourceStatusReason"]
    assert failed["LogicalResourceId"] == "Role"
    iam.delete_role(RoleName="theirs")


def test_an_update_that_fails_puts_back_what_it_had_changed(clean):
    clean.bring("post", {"Role": role("a", "s3:GetObject")})
    broken = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": "nobody", "PolicyDocument": {}},
    }
    stack = clean.bring(
        "post",
        {"Role": role("a", "s3:PutObject"), "Policy": {**broken, "DependsOn": "Role"}},
        "UPDATE",
    )
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "NoSuchBucket" in stack["StackStatusReason"]
    found = clean.client("iam").get_role_policy(RoleName="a", PolicyName="own")
    assert found["PolicyDocument"]["Statement"][0]["Action"] == ["s3:GetObject"]
    assert set(clean.physical("post")) == {"Role"}


def test_what_is_retained_outlives_its_stack(clean):
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "kept"}}
    clean.bring("post", {"Bucket": {**bucket, "DeletionPolicy": "Retain"}, "Queue": QUEUE})
    cloudformation = clean.client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName="post")["Stacks"]
    cloudformation.delete_stack(StackName="post")
    assert clean.settled(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    clean.client("s3").head_bucket(Bucket="kept")
    assert queues(clean) == set()
    with pytest.raises(ClientError, match="Stack with id post does not exist"):
        cloudformation.describe_stacks(StackName="post")


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({"Resources": {"A": {"Type": "AWS::Glue::Job"}}}, "type AWS::Glue::Job of A"),
        (
            {"Resources": {"A": {**QUEUE, "Properties": {"Colour": "red"}}}},
            "Colour of A \\(AWS::SQS::Queue\\)",
        ),
        ({"Resources": {"A": QUEUE}, "Parameters": {"P": {"Type": "String"}}}, "\\[P\\] must have"),
        (
            {
                "Resources": {"A": QUEUE},
                "Parameters": {"P": {"Type": "String", "Default": "x", "AllowedValues": ["y"]}},
            },
            "P = 'x'",
        ),
    ],
)
def test_what_is_not_known_here_is_refused_by_name_before_anything_is_made(hand, template, words):
    with pytest.raises(ClientError, match=words):
        hand.propose("refused", template.pop("Resources"), **template)


def test_roles_take_the_capability_as_on_aws(hand):
    with pytest.raises(ClientError, match="CAPABILITY_NAMED_IAM"):
        hand.client("cloudformation").create_stack(
            StackName="refused",
            TemplateBody='{"Resources": {"A": {"Type": "AWS::IAM::Role", "Properties": '
            '{"RoleName": "a", "AssumeRolePolicyDocument": {}}}}}',
        )
    listed = hand.client("cloudformation").describe_stacks()["Stacks"]
    assert not [stack for stack in listed if stack["StackName"] == "refused"]


def test_stack_and_network_outlive_the_server_and_a_killed_one_goes_on(clean):
    network = {
        "Network": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.7.0.0/20"}},
        "Subnet": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {"VpcId": {"Ref": "Network"}, "CidrBlock": "10.7.0.0/21"},
        },
        **{f"Role{n}": {**role(f"r{n}", "s3:Get"), "DependsOn": "Subnet"} for n in range(12)},
    }
    change_set = clean.propose("net", network)
    clean.client("cloudformation").execute_change_set(ChangeSetName=change_set["ChangeSetId"])
    while "Role0" not in clean.physical("net"):
        time.sleep(0.01)
    made = clean.physical("net")
    os.kill(clean.connection.pid, signal.SIGKILL)
    clean.start()
    stack = clean.settled("net")
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack.get("StackStatusReason")
    assert clean.physical("net").items() >= made.items()
    listed = clean.client("ec2").describe_subnets(SubnetIds=[made["Subnet"]])["Subnets"]
    assert [subnet["VpcId"] for subnet in listed] == [made["Network"]]
    names = {found["RoleName"] for found in clean.client("iam").list_roles()["Roles"]}
    assert {f"r{n}" for n in range(12)} <= names
