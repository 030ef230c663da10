"""Calls that nobody waits for: tried again, given up, told to destinations."""

from __future__ import annotations

import json

import pytest

FAILING = """
import pathlib
def answer(event, context):
    with open(event["note"], "a") as note:
        note.write(context.aws_request_id + "\\n")
    if len(open(event["note"]).readlines()) <= event["failures"]:
        raise ValueError("no dogs")
    return {"dogs": 3}
"""


class Queue:
    """An SQS queue: its ARN, and its next message."""

    def __init__(self, sqs) -> None:
        self._sqs = sqs
        self._url = sqs.create_queue(QueueName="results")["QueueUrl"]
        answer = sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        self.arn = answer["Attributes"]["QueueArn"]

    def receive(self):
        """A message, or None."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=1, MessageAttributeNames=["All"]
        )
        return next(iter(answer.get("Messages", [])), None)


@pytest.fixture
def queue(aws):
    return Queue(aws.client("sqs"))


def send(aws, tmp_path, failures: int, **more):
    event = {"note": str(tmp_path / "note"), "failures": failures}
    answer = aws.invoke(event, InvocationType="Event", **more)[1]
    return event, answer["ResponseMetadata"]["RequestId"]


def configure(aws, **options):
    return aws.functions.put_function_event_invoke_config(FunctionName="dogs", **options)


def to(arn: str, on: str = "OnFailure"):
    return {"DestinationConfig": {on: {"Destination": arn}}}


def test_a_failure_is_tried_twice_more_under_the_same_request(aws, tmp_path, queue):
    aws.create(FAILING)
    configure(aws, **to(queue.arn, "OnSuccess"))
    event, request = send(aws, tmp_path, failures=2)
    record = json.loads(aws.wait_for(queue.receive)["Body"])
    assert (tmp_path / "note").read_text().splitlines() == [request] * 3
    del record["timestamp"]
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request,
            "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:dogs:$LATEST",
            "condition": "Success",
            "approximateInvokeCount": 3,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"dogs": 3},
    }


def test_what_fails_three_times_is_told_to_its_destination(aws, tmp_path, queue):
    aws.create(FAILING)
    configure(aws, **to(queue.arn))
    event, request = send(aws, tmp_path, failures=9)
    record = json.loads(aws.wait_for(queue.receive)["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"] == event
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorMessage"] == "no dogs"
    assert len((tmp_path / "note").read_text().splitlines()) == 3
    assert aws.sums("AWS/Lambda", "Errors", FunctionName="dogs") == 3
    assert aws.sums("AWS/Lambda", "AsyncEventsReceived", FunctionName="dogs") == 1


def test_retries_can_be_forbidden(aws, tmp_path, queue):
    aws.create(FAILING)
    configure(aws, MaximumRetryAttempts=0, **to(queue.arn))
    send(aws, tmp_path, failures=9)
    record = json.loads(aws.wait_for(queue.receive)["Body"])
    assert record["requestContext"]["approximateInvokeCount"] == 1


def test_a_dead_letter_queue_gets_the_event_as_it_came(aws, tmp_path, queue):
    aws.create(FAILING, DeadLetterConfig={"TargetArn": queue.arn})
    described = aws.functions.get_function_configuration(FunctionName="dogs")
    assert described["DeadLetterConfig"] == {"TargetArn": queue.arn}
    event, request = send(aws, tmp_path, failures=9)
    message = aws.wait_for(queue.receive)
    assert json.loads(message["Body"]) == event
    attributes = {k: v["StringValue"] for k, v in message["MessageAttributes"].items()}
    assert attributes == {"RequestID": request, "ErrorCode": "200", "ErrorMessage": "no dogs"}


def test_a_topic_can_be_a_destination(aws, tmp_path, queue):
    aws.create(FAILING)
    sns = aws.client("sns")
    topic = sns.create_topic(Name="failures")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    configure(aws, MaximumRetryAttempts=0, **to(topic))
    _, request = send(aws, tmp_path, failures=9)
    record = json.loads(json.loads(aws.wait_for(queue.receive)["Body"])["Message"])
    assert record["requestContext"]["requestId"] == request


def test_a_function_can_be_a_destination(aws, tmp_path):
    aws.create(FAILING)
    heard = tmp_path / "heard"
    source = f"""
import json, pathlib
def answer(event, context):
    pathlib.Path({str(heard)!r} + ".part").write_text(json.dumps(event))
    pathlib.Path({str(heard)!r} + ".part").rename({str(heard)!r})
"""
    arn = aws.create(source, name="listener")["FunctionArn"]
    configure(aws, MaximumRetryAttempts=0, **to(arn))
    _, request = send(aws, tmp_path, failures=9)
    aws.wait_for(heard.exists)
    assert json.loads(heard.read_text())["requestContext"]["requestId"] == request


def test_an_event_bus_can_be_a_destination(aws, tmp_path, queue):
    aws.create(FAILING)
    events = aws.client("events")
    bus = events.create_event_bus(Name="kennel")["EventBusArn"]
    pattern = {"detail-type": ["Lambda Function Invocation Result - Failure"]}
    events.put_rule(Name="all", EventBusName="kennel", EventPattern=json.dumps(pattern))
    events.put_targets(
        Rule="all", EventBusName="kennel", Targets=[{"Id": "queue", "Arn": queue.arn}]
    )
    configure(aws, MaximumRetryAttempts=0, **to(bus))
    _, request = send(aws, tmp_path, failures=9)
    event = json.loads(aws.wait_for(queue.receive)["Body"])
    assert event["source"] == "lambda"
    assert event["detail"]["requestContext"]["requestId"] == request


def test_a_throttled_event_waits_for_room(aws, tmp_path):
    source = """
import pathlib, time
def answer(event, context):
    pathlib.Path(event["begun"]).touch()
    while not pathlib.Path(event["gate"]).exists():
        time.sleep(0.02)
    pathlib.Path(event["done"]).touch()
"""
    aws.create(source, Timeout=60)
    aws.functions.put_function_concurrency(FunctionName="dogs", ReservedConcurrentExecutions=1)
    gate = str(tmp_path / "gate")
    events = [
        {"begun": str(tmp_path / f"begun{n}"), "gate": gate, "done": str(tmp_path / f"done{n}")}
        for n in range(3)
    ]
    for event in events:
        aws.invoke(event, InvocationType="Event")
    aws.wait_for(lambda: aws.sums("AWS/Lambda", "Throttles", FunctionName="dogs") >= 2)
    aws.wait_for(lambda: list(tmp_path.glob("begun*")))
    assert len(list(tmp_path.glob("begun*"))) == 1
    (tmp_path / "gate").touch()
    aws.wait_for(lambda: len(list(tmp_path.glob("done*"))) == 3)
    assert aws.sums("AWS/Lambda", "Errors", FunctionName="dogs") == 0


def test_a_stopped_function_gives_its_events_up_at_once(aws, tmp_path, queue):
    aws.create(FAILING)
    aws.functions.put_function_concurrency(FunctionName="dogs", ReservedConcurrentExecutions=0)
    configure(aws, **to(queue.arn))
    send(aws, tmp_path, failures=0)
    record = json.loads(aws.wait_for(queue.receive)["Body"])
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert "responseContext" not in record
    assert not (tmp_path / "note").exists()


def test_each_alias_has_its_own_configuration(aws, tmp_path, queue):
    aws.create(FAILING, Publish=True)
    aws.functions.create_alias(FunctionName="dogs", Name="live", FunctionVersion="1")
    aws.functions.put_function_event_invoke_config(
        FunctionName="dogs", Qualifier="live", MaximumRetryAttempts=0, **to(queue.arn)
    )
    send(aws, tmp_path, failures=9, Qualifier="live")
    context = json.loads(aws.wait_for(queue.receive)["Body"])["requestContext"]
    assert context["functionArn"].endswith(":dogs:live")
    assert context["approximateInvokeCount"] == 1


def test_a_configuration_is_put_changed_listed_and_deleted(aws, queue):
    aws.create(FAILING)
    with aws.refusal("ResourceNotFoundException"):
        aws.functions.get_function_event_invoke_config(FunctionName="dogs")
    configure(aws, MaximumRetryAttempts=1, MaximumEventAgeInSeconds=60)
    aws.functions.update_function_event_invoke_config(FunctionName="dogs", **to(queue.arn))
    found = aws.functions.get_function_event_invoke_config(FunctionName="dogs")
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (1, 60)
    assert found["DestinationConfig"]["OnFailure"] == {"Destination": queue.arn}
    assert found["FunctionArn"].endswith(":function:dogs:$LATEST")
    configure(aws, MaximumEventAgeInSeconds=120)
    listed = aws.functions.list_function_event_invoke_configs(FunctionName="dogs")
    (only,) = listed["FunctionEventInvokeConfigs"]
    assert "MaximumRetryAttempts" not in only
    assert only["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
    aws.functions.delete_function_event_invoke_config(FunctionName="dogs")
    with aws.refusal("ResourceNotFoundException"):
        aws.functions.get_function_event_invoke_config(FunctionName="dogs")


@pytest.mark.parametrize(
    "options",
    [{"MaximumRetryAttempts": 3}, {"MaximumEventAgeInSeconds": 59}, to("arn:aws:s3:::bucket")],
)
def test_a_configuration_that_cannot_be_is_refused(aws, options):
    aws.create(FAILING)
    with pytest.raises(Exception, match="(?i)invalid|MaximumRetryAttempts|MaximumEventAge"):
        configure(aws, **options)


def test_an_event_that_is_too_large_is_refused(aws):
    aws.create(FAILING)
    with aws.refusal("RequestTooLargeException") as said:
        aws.invoke("x" * 1_048_576, InvocationType="Event")
    assert said["Message"].startswith("1048578 byte payload is too large for the Event invocation")
