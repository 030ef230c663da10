"""Every kind of target really gets the event, called as any client calls it."""

import io
import json
import zipfile

import pytest

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
ROLE = "arn:aws:iam::123456789012:role/events"
PASS = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
PIPELINE = {
    "Version": "2020-12-01",
    "Parameters": [
        {"Name": "Data", "Type": "String"},
        {"Name": "Cause", "Type": "String", "DefaultValue": "none"},
    ],
    "Steps": [
        {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Parameters.Data"}}}
    ],
}


@pytest.fixture(scope="module", autouse=True)
def _role(aws):
    aws.client("iam").create_role(RoleName="events", AssumeRolePolicyDocument=TRUST)


def test_a_state_machine_starts_with_the_event(aws):
    states = aws.client("stepfunctions")
    machine = states.create_state_machine(name="m", definition=json.dumps(PASS), roleArn=ROLE)
    arn = machine["stateMachineArn"]
    aws.rule("to-machine", [{"Arn": arn, "RoleArn": ROLE}])
    event_id = aws.send("to-machine", {"n": 1})
    [found] = aws.until(lambda: states.list_executions(stateMachineArn=arn)["executions"])
    execution = states.describe_execution(executionArn=found["executionArn"])
    event = json.loads(execution["input"])
    assert (event["id"], event["detail"]) == (event_id, {"n": 1})


def test_a_function_is_invoked_when_its_policy_lets_the_rule(aws):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("handler.py", SENDS_TO_QUEUE)
    functions = aws.client("lambda")
    function = functions.create_function(
        FunctionName="f",
        Runtime="python3.12",
        Handler="handler.handler",
        Role=ROLE,
        Timeout=30,
        Code={"ZipFile": archive.getvalue()},
    )["FunctionArn"]
    aws.queue("from-function")
    dead = aws.queue("dead-function")
    aws.rule("to-function", [{"Arn": function, "DeadLetterConfig": {"Arn": dead}}])
    aws.send("to-function", {"n": 1})
    [letter] = aws.messages("dead-function")
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"

    functions.add_permission(
        FunctionName="f",
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=aws.arn("events", "rule/to-function"),
    )
    aws.send("to-function", {"n": 2})
    [event] = aws.bodies("from-function")
    assert event["detail"] == {"n": 2}


SENDS_TO_QUEUE = """
import json
import boto3

def handler(event, context):
    queue = boto3.client("sqs")
    url = queue.get_queue_url(QueueName="from-function")["QueueUrl"]
    queue.send_message(QueueUrl=url, MessageBody=json.dumps(event))
"""


def test_a_topic_passes_the_event_on(aws):
    sns = aws.client("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    queue = aws.queue("from-topic")
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=raw)
    aws.rule("to-topic", [{"Arn": topic, "InputPath": "$.detail"}])
    aws.send("to-topic", {"n": 1})
    assert aws.bodies("from-topic") == [{"n": 1}]


def test_a_fifo_queue_gets_the_group(aws):
    queue = aws.queue("ordered.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    aws.rule("to-fifo", [{"Arn": queue, "SqsParameters": {"MessageGroupId": "g"}}])
    aws.send("to-fifo")
    [message] = aws.messages("ordered.fifo")
    assert message["Attributes"]["MessageGroupId"] == "g"


def test_a_pipeline_starts_with_values_of_the_event(aws):
    sagemaker = aws.client("sagemaker")
    arn = sagemaker.create_pipeline(
        PipelineName="p",
        PipelineDefinition=json.dumps(PIPELINE),
        RoleArn=ROLE,
        ClientRequestToken="t" * 32,
    )["PipelineArn"]
    values = [
        {"Name": "Data", "Value": "$.detail.uri"},
        {"Name": "Cause", "Value": "data"},
    ]
    parameters = {"SageMakerPipelineParameters": {"PipelineParameterList": values}}
    aws.rule("to-pipeline", [{"Arn": arn, "RoleArn": ROLE, **parameters}])
    aws.send("to-pipeline", {"uri": "s3://data/dogs"})
    [started] = aws.until(
        lambda: sagemaker.list_pipeline_executions(PipelineName="p")["PipelineExecutionSummaries"]
    )
    given = sagemaker.list_pipeline_parameters_for_execution(
        PipelineExecutionArn=started["PipelineExecutionArn"]
    )["PipelineParameters"]
    assert {item["Name"]: item["Value"] for item in given} == {
        "Data": "s3://data/dogs",
        "Cause": "data",
    }


def test_a_log_group_gets_a_line(aws):
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/aws/events/all")
    aws.rule("to-logs", [{"Arn": aws.arn("logs", "log-group:/aws/events/all")}])
    aws.send("to-logs", {"n": 1})
    found = aws.until(lambda: logs.filter_log_events(logGroupName="/aws/events/all")["events"])
    assert json.loads(found[0]["message"])["detail"] == {"n": 1}


def test_another_bus_passes_the_same_event_to_its_rules(aws):
    events = aws.client("events")
    bus = events.create_event_bus(Name="own")["EventBusArn"]
    queue = aws.queue("from-bus")
    aws.rule("on-own-bus", [{"Arn": queue}], {"source": ["to-bus"]}, EventBusName="own")
    aws.rule("to-bus", [{"Arn": bus, "RoleArn": ROLE}])
    event_id = aws.send("to-bus", {"n": 1})
    [event] = aws.bodies("from-bus")
    assert (event["id"], event["source"]) == (event_id, "to-bus")


def test_a_missing_target_ends_in_the_dead_letter_queue_at_once(aws):
    dead = aws.queue("dead-letters")
    gone = aws.arn("states", "stateMachine:gone")
    target = {"Arn": gone, "RoleArn": ROLE, "DeadLetterConfig": {"Arn": dead}}
    aws.rule("to-nothing", [target])
    event_id = aws.send("to-nothing", {"n": 1})
    [letter] = aws.messages("dead-letters")
    attributes = {k: v["StringValue"] for k, v in letter["MessageAttributes"].items()}
    assert attributes.pop("ERROR_MESSAGE")
    assert attributes == {
        "RULE_ARN": aws.arn("events", "rule/to-nothing"),
        "TARGET_ARN": gone,
        "ERROR_CODE": "NO_RESOURCE",
        "RETRY_ATTEMPTS": "0",
    }
    assert json.loads(letter["Body"])["id"] == event_id


def test_deliveries_are_measured(aws):
    cloudwatch = aws.client("cloudwatch")
    queue = aws.queue("measured")
    gone = aws.arn("sqs", "gone")
    dead = aws.queue("measured-dead")
    aws.rule("measured", [{"Arn": queue}, {"Arn": gone, "DeadLetterConfig": {"Arn": dead}}])
    aws.send("measured")
    aws.messages("measured")
    aws.messages("measured-dead")
    expected = {
        *("MatchedEvents", "TriggeredRules", "Invocations", "FailedInvocations"),
        "InvocationsSentToDlq",
    }

    def named():
        found = cloudwatch.list_metrics(
            Namespace="AWS/Events", Dimensions=[{"Name": "RuleName", "Value": "measured"}]
        )
        return {metric["MetricName"] for metric in found["Metrics"]} == expected

    assert aws.until(named)
