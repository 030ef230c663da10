"""Tasks that call AWS's services: names, requests, answers, errors."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import Any

import pytest

KEY = [{"AttributeName": "Name", "KeyType": "HASH"}]
TEXT = [{"AttributeName": "Name", "AttributeType": "S"}]


def task(resource: str, parameters: dict[str, Any], **more) -> dict[str, Any]:
    state = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters}
    return {"StartAt": "Task", "States": {"Task": {**state, "End": True, **more}}}


@pytest.fixture
def table(aws):
    aws.client("dynamodb").create_table(
        TableName="locks",
        KeySchema=KEY,
        AttributeDefinitions=TEXT,
        BillingMode="PAY_PER_REQUEST",
    )
    return "locks"


def lock(table: str, resource: str, **more) -> dict[str, Any]:
    parameters = {
        "TableName": table,
        "Item": {"Name": {"S.$": "$.name"}, "Holder": {"S.$": "$$.Execution.Id"}},
        "ConditionExpression": "attribute_not_exists(#name)",
        "ExpressionAttributeNames": {"#name": "Name"},
    }
    return task(f"{resource}:putItem", parameters, **more)


@pytest.mark.parametrize(
    ("resource", "error", "service"),
    [
        ("aws-sdk:dynamodb", "DynamoDb.ConditionalCheckFailedException", "Service: DynamoDb, "),
        ("dynamodb", "DynamoDB.ConditionalCheckFailedException", "Service: AmazonDynamoDBv2; "),
    ],
)
def test_errors_have_the_name_that_their_integration_gives_them(
    aws, table, resource, error, service
):
    machine = aws.create(lock(table, resource))
    assert aws.end(aws.start_execution(machine, {"name": "a"}))["status"] == "SUCCEEDED"
    failed = aws.end(aws.start_execution(machine, {"name": "a"}))
    assert (failed["status"], failed["error"]) == ("FAILED", error)
    assert service in failed["cause"]
    assert re.search(r"Status Code: 400.*Request ID: \S+", failed["cause"])


def test_an_error_can_be_caught_by_its_name(aws, table):
    caught = {"ErrorEquals": ["DynamoDb.ConditionalCheckFailedException"], "Next": "Held"}
    definition = lock(table, "aws-sdk:dynamodb", Catch=[caught])
    definition["States"]["Held"] = {"Type": "Pass", "Result": "held", "End": True}
    machine = aws.create(definition)
    aws.end(aws.start_execution(machine, {"name": "a"}))
    assert aws.end(aws.start_execution(machine, {"name": "a"}))["output"] == '"held"'


def test_names_are_spelled_as_the_java_sdk_spells_them(aws, table):
    item = {"Name": {"S": "a"}, "Ok": {"Bool": True}, "No": {"Nul": True}, "N": {"N": "1"}}
    put = task("aws-sdk:dynamodb:putItem", {"TableName": table, "Item": item})
    assert aws.output(put, name="put") == {}
    key = {"Name": {"S": "a"}}
    get = task("aws-sdk:dynamodb:getItem", {"TableName": table, "Key": key})
    assert aws.output(get, name="get") == {"Item": item}
    optimised = task("dynamodb:getItem", {"TableName": table, "Key": key})
    assert aws.output(optimised, name="optimised")["Item"] == {
        **item,
        "Ok": {"BOOL": True},
        "No": {"NULL": True},
    }


def test_requests_that_the_api_does_not_know_end_the_execution(aws, table):
    parameters = {"TableName": table, "Key": {"Name": {"S": "a"}}}
    task_of_input = task("aws-sdk:dynamodb:getItem", {**parameters, "Key.$": "$.key"})
    del task_of_input["States"]["Task"]["Parameters"]["Key"]
    failed = aws.run(task_of_input, {"key": {"Name": {"s": "a"}}})
    assert failed["error"] == "States.Runtime"
    assert 'The field "s" is not supported by Step Functions' in failed["cause"]


@pytest.mark.parametrize(
    ("resource", "parameters", "key"),
    [
        ("applicationautoscaling:describeScalableTargets", {"ServiceNamespace": "ecs"}, "Scalable"),
        ("cloudwatch:describeAlarms", {}, "MetricAlarms"),
        ("cloudwatchlogs:describeLogGroups", {}, "LogGroups"),
        ("eventbridge:listEventBuses", {}, "EventBuses"),
        ("iam:listRoles", {}, "Roles"),
        ("lambda:listFunctions", {}, "Functions"),
        ("s3:listBuckets", {}, "Owner"),
        ("sagemaker:listProcessingJobs", {}, "ProcessingJobSummaries"),
        ("sfn:listStateMachines", {}, "StateMachines"),
        ("sns:listTopics", {}, "Topics"),
        ("sqs:createQueue", {"QueueName": "q"}, "QueueUrl"),
        ("ssm:describeParameters", {}, "Parameters"),
        ("sts:getCallerIdentity", {}, "Account"),
    ],
)
def test_services_are_found_by_the_names_that_aws_gives_them(aws, resource, parameters, key):
    answer = aws.output(task(f"aws-sdk:{resource}", parameters))
    assert any(name.startswith(key) for name in answer), answer


def test_times_are_texts(aws):
    aws.client("ssm").put_parameter(Name="/a", Value="1", Type="String")
    answer = aws.output(task("aws-sdk:ssm:getParameter", {"Name": "/a"}))
    modified = answer["Parameter"]["LastModifiedDate"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", modified)


def test_bodies_are_texts(aws):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="bodies", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    put = task("aws-sdk:s3:putObject", {"Bucket": "bodies", "Key": "k", "Body.$": "$.body"})
    aws.output(put, {"body": {"käfer": [1, None]}}, "put")
    assert json.loads(s3.get_object(Bucket="bodies", Key="k")["Body"].read()) == {
        "käfer": [1, None]
    }
    get = task("aws-sdk:s3:getObject", {"Bucket": "bodies", "Key.$": "$.key"})
    answer = aws.output(get, {"key": "k"}, "get")
    assert answer["Body"] == '{"käfer":[1,null]}'
    s3.put_object(Bucket="bodies", Key="binary", Body=b"\xff\xfe")
    machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:get"
    answer = json.loads(aws.end(aws.start_execution(machine, {"key": "binary"}))["output"])
    assert answer["Body"] == "//4="
    missing = aws.end(aws.start_execution(machine, {"key": "nobody"}))
    assert missing["error"] == "S3.NoSuchKeyException"


def test_an_error_without_a_name_of_its_own_has_the_name_of_its_service(aws):
    failed = aws.run(task("aws-sdk:sagemaker:stopTransformJob", {"TransformJobName": "-"}))
    assert failed["error"] == "SageMaker.SageMakerException"
    missing = task("aws-sdk:sagemaker:describeProcessingJob", {"ProcessingJobName": "nobody"})
    assert aws.run(missing, name="missing")["error"] == "SageMaker.ResourceNotFoundException"
    bad = task("sagemaker:createProcessingJob", {"ProcessingJobName.$": "$.name"})
    parameters = bad["States"]["Task"]["Parameters"]
    parameters |= {"ProcessingResources.$": "$", "AppSpecification.$": "$", "RoleArn.$": "$.name"}
    assert aws.run(bad, {}, name="bad")["error"] == "States.Runtime"


def test_the_shell_of_the_user_has_no_part_in_calls(aws, monkeypatch):
    machine = aws.create(task("aws-sdk:ssm:describeParameters", {}))
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    ended = aws.end(aws.start_execution(machine))
    assert "Parameters" in json.loads(ended["output"])


FUNCTION = """
def answer(event, context):
    if event.get("fail"):
        raise ValueError("no " + event["fail"])
    return {"got": event, "version": context.function_version}
"""


@pytest.fixture
def function(aws):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("handler.py", FUNCTION)
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    aws.client("iam").create_role(RoleName="functions", AssumeRolePolicyDocument=trust)
    made = aws.client("lambda").create_function(
        FunctionName="dogs",
        Runtime="python3.12",
        Handler="handler.answer",
        Role="arn:aws:iam::123456789012:role/functions",
        Code={"ZipFile": body.getvalue()},
        Timeout=60,
    )
    return made["FunctionArn"]


def test_functions_answer_with_what_they_return(aws, function):
    payload = {"FunctionName": function, "Payload": {"breed.$": "$.breed"}}
    answer = aws.output(task("lambda:invoke", payload), {"breed": "pug"}, "optimised")
    assert answer["Payload"] == {"got": {"breed": "pug"}, "version": "$LATEST"}
    assert answer["StatusCode"] == 200
    answer = aws.output(task("aws-sdk:lambda:invoke", payload), {"breed": "pug"}, "sdk")
    assert json.loads(answer["Payload"])["got"] == {"breed": "pug"}
    direct = {"StartAt": "F", "States": {"F": {"Type": "Task", "Resource": function, "End": True}}}
    assert aws.output(direct, {"breed": "pug"}, "direct")["got"] == {"breed": "pug"}


def test_a_function_that_raises_fails_with_its_own_error(aws, function):
    payload = {"FunctionName": function, "Payload": {"fail": "dogs"}}
    failed = aws.run(task("lambda:invoke", payload), name="optimised")
    assert failed["error"] == "ValueError"
    assert json.loads(failed["cause"])["errorMessage"] == "no dogs"
    missing = {"FunctionName": "nobody", "Payload": {}}
    failed = aws.run(task("lambda:invoke", missing), name="missing")
    assert failed["error"] == "Lambda.ResourceNotFoundException"


def test_messages_and_events_are_sent_as_texts(aws):
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    send = task("sqs:sendMessage", {"QueueUrl": queue, "MessageBody": {"a.$": "$.a"}})
    sent = aws.output(send, {"a": "ä"}, "send")
    [message] = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"]) == {"a": "ä"}
    assert sent["MessageId"] == message["MessageId"]
    topic = aws.client("sns").create_topic(Name="t")["TopicArn"]
    publish = task("sns:publish", {"TopicArn": topic, "Message": {"a": 1}, "Subject": "s"})
    assert "MessageId" in aws.output(publish, name="publish")
    entry = {"Detail": {"a": 1}, "DetailType": "t", "Source": "mine", "EventBusName": "default"}
    assert (
        aws.output(task("events:putEvents", {"Entries": [entry]}), name="put")["FailedEntryCount"]
        == 0
    )


def test_the_history_of_a_task_tells_its_request_and_answer(aws):
    ended = aws.run(task("aws-sdk:sts:getCallerIdentity", {}, TimeoutSeconds=60))
    events = aws.history(ended["executionArn"])
    assert [event["type"] for event in events] == [
        *("ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted"),
        *("TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"),
    ]
    assert events[2]["taskScheduledEventDetails"] == {
        "resourceType": "aws-sdk:sts",
        "resource": "getCallerIdentity",
        "region": "eu-west-1",
        "parameters": "{}",
        "timeoutInSeconds": 60,
    }
    assert json.loads(events[4]["taskSucceededEventDetails"]["output"])["Account"]


def test_a_call_that_takes_too_long_times_out(aws, function):
    slow = task("lambda:invoke", {"FunctionName": function}, TimeoutSeconds=1)
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        source = "import time\ndef answer(event, context):\n    time.sleep(30)\n"
        archive.writestr("handler.py", source)
    aws.client("lambda").update_function_code(FunctionName="dogs", ZipFile=body.getvalue())
    failed = aws.run(slow)
    assert (failed["status"], failed["error"]) == ("FAILED", "States.Timeout")
    kinds = [event["type"] for event in aws.history(failed["executionArn"])]
    assert kinds[-2:] == ["TaskTimedOut", "ExecutionFailed"]
