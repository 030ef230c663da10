"""What clients made of moto's services is there again after a kill, and goes on working."""

import io
import json
import os
import signal
import zipfile

import boto3
import pytest

from local.connection import ensure_server, stop_server

REGION, ACCOUNT = "eu-west-1", "123456789012"
ROLE = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


class Server:
    """The server process on one folder, and clients of whichever runs now."""

    def __init__(self, folder):
        self.folder = folder
        self.connection, _ = ensure_server(folder, REGION)

    def client(self, service):
        return boto3.client(service, **self.connection.client_options())

    def kill_and_start(self):
        os.kill(self.connection.pid, signal.SIGKILL)
        self.connection, started = ensure_server(self.folder, REGION)
        assert started


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "state"
    yield Server(folder)
    stop_server(folder)


def arn(service, resource):
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def policy(name, **principal):
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn("sqs", name)}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | principal]})


def queue_policy(name):
    return policy(name, Principal={"Service": "events.amazonaws.com"})


def test_a_rule_still_delivers_after_a_kill(server):
    sqs, events = server.client("sqs"), server.client("events")
    sqs.create_queue(QueueName="news", Attributes={"Policy": queue_policy("news")})
    events.create_event_bus(Name="own")
    events.put_rule(Name="all", EventBusName="own", EventPattern='{"source": ["me"]}')
    target = {"Id": "1", "Arn": arn("sqs", "news"), "InputPath": "$.detail"}
    events.put_targets(Rule="all", EventBusName="own", Targets=[target])

    server.kill_and_start()
    entry = {"Source": "me", "DetailType": "t", "Detail": '{"n": 1}', "EventBusName": "own"}
    server.client("events").put_events(Entries=[entry])
    sqs = server.client("sqs")
    url = sqs.get_queue_url(QueueName="news")["QueueUrl"]
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    assert json.loads(message["Body"]) == {"n": 1}


def test_roles_and_their_policies_come_back(server):
    iam = server.client("iam")
    made = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(ROLE))["Role"]
    iam.put_role_policy(RoleName="worker", PolicyName="own", PolicyDocument=policy("q"))
    iam.create_role(RoleName="gone", AssumeRolePolicyDocument=json.dumps(ROLE))
    iam.delete_role(RoleName="gone")

    server.kill_and_start()
    iam = server.client("iam")
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["worker"]
    assert iam.get_role(RoleName="worker")["Role"]["RoleId"] == made["RoleId"]
    assert iam.list_role_policies(RoleName="worker")["PolicyNames"] == ["own"]


def test_subscriptions_and_keys_keep_the_ids_that_clients_remember(server):
    sns, kms, sqs = (server.client(name) for name in ("sns", "kms", "sqs"))
    sqs.create_queue(QueueName="inbox")
    topic = sns.create_topic(Name="news")["TopicArn"]
    subscribe = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": arn("sqs", "inbox")}
    subscription = sns.subscribe(**subscribe)["SubscriptionArn"]
    assert sns.subscribe(**subscribe)["SubscriptionArn"] == subscription
    key = kms.create_key(Description="mine")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/mine", TargetKeyId=key)
    secret = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]

    server.kill_and_start()
    sns, kms = server.client("sns"), server.client("kms")
    [found] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert found["SubscriptionArn"] == subscription
    assert kms.describe_key(KeyId="alias/mine")["KeyMetadata"]["KeyId"] == key
    assert kms.decrypt(CiphertextBlob=secret)["Plaintext"] == b"secret"


def test_items_are_kept_as_they_last_were(server):
    table = server.client("dynamodb")
    table.create_table(
        TableName="locks",
        AttributeDefinitions=[{"AttributeName": "Name", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "Name", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for number in range(3):
        table.put_item(
            TableName="locks",
            Item={"Name": {"S": f"lock {number}"}, "Turn": {"N": "0"}},
            ConditionExpression="attribute_not_exists(#n)",
            ExpressionAttributeNames={"#n": "Name"},
        )
    for _ in range(5):
        table.update_item(
            TableName="locks",
            Key={"Name": {"S": "lock 1"}},
            UpdateExpression="ADD Turn :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
    table.delete_item(TableName="locks", Key={"Name": {"S": "lock 0"}})
    table.execute_statement(Statement='DELETE FROM "locks" WHERE "Name" = \'lock 2\'')

    server.kill_and_start()
    items = server.client("dynamodb").scan(TableName="locks")["Items"]
    assert items == [{"Name": {"S": "lock 1"}, "Turn": {"N": "5"}}]


def test_settings_of_other_services_come_back(server):
    ssm, cloudwatch, s3 = (server.client(name) for name in ("ssm", "cloudwatch", "s3"))
    ssm.put_parameter(Name="/a/rate", Value="1", Type="String", Tags=[{"Key": "k", "Value": "v"}])
    ssm.put_parameter(Name="/a/rate", Value="2", Overwrite=True)
    for name in ("slow", "gone"):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="N",
            MetricName="M",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
    cloudwatch.delete_alarms(AlarmNames=["gone"])
    s3.create_bucket(Bucket="photos", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="photos", Key="kept", Body=b"1")
    s3.put_bucket_notification_configuration(
        Bucket="photos", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    server.client("scheduler").create_schedule(
        Name="nightly",
        ScheduleExpression="cron(0 3 * * ? *)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn("sqs", "inbox"), "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/any"},
    )
    stop_server(server.folder)  # S3's own index may be a second behind a kill

    server.connection, _ = ensure_server(server.folder, REGION)
    ssm, cloudwatch, s3 = (server.client(name) for name in ("ssm", "cloudwatch", "s3"))
    assert ssm.get_parameter(Name="/a/rate")["Parameter"]["Value"] == "2"
    alarms = cloudwatch.describe_alarms()["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in alarms] == ["slow"]
    found = s3.get_bucket_notification_configuration(Bucket="photos")
    assert found["EventBridgeConfiguration"] == {}
    schedule = server.client("scheduler").get_schedule(Name="nightly")
    assert schedule["ScheduleExpression"] == "cron(0 3 * * ? *)"


def test_functions_are_not_kept_twice(server):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("handler.py", "def handler(event, context): return 1")
    server.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(ROLE))
    server.client("lambda").create_function(
        FunctionName="one",
        Runtime="python3.12",
        Handler="handler.handler",
        Role=f"arn:aws:iam::{ACCOUNT}:role/worker",
        Code={"ZipFile": archive.getvalue()},
    )
    server.kill_and_start()
    functions = server.client("lambda").list_functions()["Functions"]
    assert [function["FunctionName"] for function in functions] == ["one"]
    assert "one" not in (server.folder / "journal.jsonl").read_text()


def test_no_signature_is_written(server):
    server.client("sns").create_topic(Name="news")
    text = (server.folder / "journal.jsonl").read_text()
    assert "CreateTopic" in text
    assert server.connection.access_key not in text
    assert "Signature" not in text


def test_a_line_that_was_cut_is_left_out(server):
    server.client("sns").create_topic(Name="news")
    server.client("sns").create_topic(Name="more")
    os.kill(server.connection.pid, signal.SIGKILL)
    path = server.folder / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    server.connection, _ = ensure_server(server.folder, REGION)
    topics = server.client("sns").list_topics()["Topics"]
    assert [topic["TopicArn"] for topic in topics] == [arn("sns", "news")]


TARGET = {
    "ServiceNamespace": "dynamodb",
    "ResourceId": "table/t",
    "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
}
LIFECYCLE = {
    "Rules": [
        {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": "a/"}, "Expiration": {"Days": 3}}
    ]
}


def furnish(server):
    """Settings of many services, each also changed once."""
    sqs, s3, logs = (server.client(name) for name in ("sqs", "s3", "logs"))
    sqs.create_queue(QueueName="dead")
    url = sqs.create_queue(QueueName="q", tags={"a": "b"})["QueueUrl"]
    redrive = json.dumps({"deadLetterTargetArn": arn("sqs", "dead"), "maxReceiveCount": 3})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": redrive})
    s3.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_lifecycle_configuration(Bucket="data", LifecycleConfiguration=LIFECYCLE)
    told = [{"QueueArn": arn("sqs", "q"), "Events": ["s3:ObjectCreated:*"]}]
    s3.put_bucket_notification_configuration(
        Bucket="data", NotificationConfiguration={"QueueConfigurations": told}
    )
    logs.create_log_group(logGroupName="/kept")
    for days in (1, 7):
        logs.put_retention_policy(logGroupName="/kept", retentionInDays=days)
    scaling = server.client("application-autoscaling")
    scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=4)
    scaling.register_scalable_target(**TARGET, MaxCapacity=5)
    iam = server.client("iam")
    iam.create_user(UserName="someone")
    iam.create_access_key(UserName="someone")
    sns = server.client("sns")
    topic = sns.create_topic(Name="t", Tags=[{"Key": "a", "Value": "b"}])["TopicArn"]
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "c", "Value": "d"}])


def described(server):
    """What clients see of it."""
    sqs, s3, iam = (server.client(name) for name in ("sqs", "s3", "iam"))
    url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    told = s3.get_bucket_notification_configuration(Bucket="data")
    [target] = server.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="dynamodb"
    )["ScalableTargets"]
    groups = server.client("logs").describe_log_groups()["logGroups"]
    return {
        "redrive": attributes["RedrivePolicy"],
        "queue tags": sqs.list_queue_tags(QueueUrl=url)["Tags"],
        "lifecycle": s3.get_bucket_lifecycle_configuration(Bucket="data")["Rules"],
        "notifications": told["QueueConfigurations"],
        "retention": [(group["logGroupName"], group["retentionInDays"]) for group in groups],
        "scaling": [target[key] for key in ("MinCapacity", "MaxCapacity", "ScalableTargetARN")],
        "keys": [
            key["AccessKeyId"]
            for key in iam.list_access_keys(UserName="someone")["AccessKeyMetadata"]
        ],
        "topic tags": server.client("sns").list_tags_for_resource(ResourceArn=arn("sns", "t"))[
            "Tags"
        ],
    }


def messages(server, name):
    sqs = server.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    return sqs.receive_message(QueueUrl=url).get("Messages", [])


def test_clients_see_no_difference_after_two_restarts(server):
    furnish(server)
    before = described(server)
    assert len(messages(server, "q")) == 1  # S3's test event
    for _ in range(2):
        stop_server(server.folder)
        server.connection, _started = ensure_server(server.folder, REGION)
        assert described(server) == before
        assert messages(server, "q") == []
    assert "was refused" not in (server.folder / "server.log").read_text()
