"""What clients put is checked and answered as AWS does."""

import json
import threading
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError

from local.clock import ClockError, advance_clock

ROLE = "arn:aws:iam::123456789012:role/any"


def refused(call, **request):
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_bad_pattern_is_refused(aws):
    code, message = refused(
        aws.client("events").put_rule, Name="bad", EventPattern='{"source": [{"like": "a"}]}'
    )
    assert code == "InvalidEventPatternException"
    assert message == "Event pattern is not valid. Reason: Unrecognized match type like"


def test_a_bad_schedule_is_refused(aws):
    put = aws.client("events").put_rule
    for expression in ("rate(5 minute)", "cron(0 10 * * * *)", "at(2026-11-24T00:00:00)"):
        code, message = refused(put, Name="bad", ScheduleExpression=expression)
        assert code == "ValidationException"
        assert message.startswith("Parameter ScheduleExpression is not valid.")


def test_a_bad_name_is_refused(aws):
    put = aws.client("events").put_rule
    code, message = refused(put, Name="a b", EventPattern='{"source": ["a"]}')
    assert code == "ValidationException"
    assert "'a b' at 'Name'" in message


def test_a_pattern_can_be_tried(aws):
    event = json.dumps({"id": "1", "source": "a", "detail": {"n": 5}})
    test = aws.client("events").test_event_pattern
    assert test(EventPattern='{"detail": {"n": [{"numeric": [">", 4]}]}}', Event=event)["Result"]
    assert not test(EventPattern='{"source": ["b"]}', Event=event)["Result"]
    assert refused(test, EventPattern="{}", Event=event)[0] == "InvalidEventPatternException"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ({"Arn": "arn:aws:states:eu-west-1:123456789012:stateMachine:m"}, "RoleArn is required"),
        ({"Arn": "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/p"}, "RoleArn is required"),
        ({"Arn": "arn:aws:kinesis:eu-west-1:123456789012:stream/s"}, "delivers events to"),
        ({"Arn": "arn:aws:sqs:eu-west-1:123456789012:q.fifo"}, "SqsParameters"),
        ({"Arn": "arn:aws:sqs:eu-west-1:123456789012:q", "Input": "{"}, "JSON syntax error"),
        (
            {
                "Arn": "arn:aws:sqs:eu-west-1:123456789012:q",
                "DeadLetterConfig": {"Arn": "arn:aws:sqs:eu-west-1:123456789012:q.fifo"},
            },
            "standard SQS queue",
        ),
        (
            {
                "Arn": "arn:aws:sqs:eu-west-1:123456789012:q",
                "SageMakerPipelineParameters": {"PipelineParameterList": []},
            },
            "SageMakerPipelineParameters is not supported",
        ),
        (
            {
                "Arn": "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/p",
                "RoleArn": ROLE,
                "SageMakerPipelineParameters": {
                    "PipelineParameterList": [{"Name": "a b", "Value": "v"}]
                },
            },
            "PipelineParameterList[0].Name",
        ),
        (
            {
                "Arn": "arn:aws:sqs:eu-west-1:123456789012:q",
                "RetryPolicy": {"MaximumEventAgeInSeconds": 90_000},
            },
            "MaximumEventAgeInSeconds",
        ),
    ],
)
def test_a_target_that_could_never_work_is_refused(aws, target, reason):
    events = aws.client("events")
    events.put_rule(Name="checked", EventPattern='{"source": ["a"]}')
    code, message = refused(events.put_targets, Rule="checked", Targets=[{"Id": "1", **target}])
    assert code == "ValidationException"
    assert reason in message


def test_a_rule_has_five_targets_at_most(aws):
    events = aws.client("events")
    events.put_rule(Name="crowded", EventPattern='{"source": ["a"]}')
    targets = [{"Id": str(n), "Arn": aws.arn("sqs", f"q{n}")} for n in range(6)]
    events.put_targets(Rule="crowded", Targets=targets[:5])
    events.put_targets(Rule="crowded", Targets=targets[:1])
    code, _ = refused(events.put_targets, Rule="crowded", Targets=targets[5:])
    assert code == "LimitExceededException"


def test_entries_are_accepted_one_by_one(aws):
    good = {"Source": "me", "DetailType": "t", "Detail": "{}"}
    entries = [
        good,
        {key: value for key, value in good.items() if key != "Detail"},
        good | {"Detail": "[1]"},
        good | {"Source": "aws.s3"},
    ]
    answer = aws.client("events").put_events(Entries=entries)
    codes = [entry.get("ErrorCode") for entry in answer["Entries"]]
    assert codes == [
        *(None, "InvalidArgument", "MalformedDetail"),
        "NotAuthorizedForSourceException",
    ]
    assert answer["FailedEntryCount"] == 3


def test_ten_entries_and_a_quarter_megabyte_are_the_most(aws):
    put = aws.client("events").put_events
    good = {"Source": "me", "DetailType": "t", "Detail": "{}"}
    assert refused(put, Entries=[good] * 11)[0] == "ValidationException"
    large = good | {"Detail": json.dumps({"a": "x" * 262_144})}
    assert "over the limit" in refused(put, Entries=[large])[1]


def test_another_accounts_bus_is_not_taken_for_the_own_one_of_its_name(aws):
    bus = "arn:aws:events:eu-west-1:210987654321:event-bus/default"
    entry = {"Source": "me", "DetailType": "t", "Detail": "{}", "EventBusName": bus}
    code, message = refused(aws.client("events").put_events, Entries=[entry])
    assert (code, message) == ("ResourceNotFoundException", f"Event bus {bus} does not exist.")
    own = bus.replace("210987654321", "123456789012")
    answer = aws.client("events").put_events(Entries=[entry | {"EventBusName": own}])
    assert answer["FailedEntryCount"] == 0


def test_a_disabled_rule_delivers_nothing(aws):
    events = aws.client("events")
    queue = aws.queue("awake")
    aws.rule("switched", [{"Arn": queue}])
    events.disable_rule(Name="switched")
    aws.send("switched", {"n": 1})
    events.enable_rule(Name="switched")
    aws.send("switched", {"n": 2})
    assert [event["detail"] for event in aws.bodies("awake")] == [{"n": 2}]


def test_an_event_has_the_documented_envelope(aws):
    queue = aws.queue("whole")
    aws.rule("whole", [{"Arn": queue}])
    event_id = aws.send("whole", {"n": 1}, Resources=["r"], Time=1_800_000_000)
    assert aws.bodies("whole") == [
        {
            "version": "0",
            "id": event_id,
            "detail-type": "test",
            "source": "whole",
            "account": "123456789012",
            "time": "2027-01-15T08:00:00Z",
            "region": "eu-west-1",
            "resources": ["r"],
            "detail": {"n": 1},
        }
    ]


def test_a_queue_keeps_its_policy_when_another_attribute_is_set(aws):
    queue = aws.queue("settled")
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName="settled")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "60"})
    aws.rule("settled", [{"Arn": queue}])
    aws.send("settled")
    aws.messages("settled")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert not found.get("Policy")


def test_an_archive_is_replayed(aws):
    events = aws.client("events")
    bus = events.describe_event_bus()["Arn"]
    events.create_archive(
        ArchiveName="a", EventSourceArn=bus, EventPattern='{"source": ["archived"]}'
    )
    aws.send("archived", {"n": 1})
    aws.until(lambda: events.describe_archive(ArchiveName="a")["EventCount"] == 1)
    queue = aws.queue("replayed")
    aws.rule("archived", [{"Arn": queue}])
    events.start_replay(
        ReplayName="again",
        EventSourceArn=events.describe_archive(ArchiveName="a")["ArchiveArn"],
        EventStartTime=0,
        EventEndTime=2_000_000_000,
        Destination={"Arn": bus},
    )
    [event] = aws.bodies("replayed")
    assert (event["replay-name"], event["detail"]) == ("again", {"n": 1})


def test_rules_may_change_while_events_pass(aws):
    queue = aws.queue("busy")
    aws.rule("steady", [{"Arn": queue}])
    stop, faults = threading.Event(), []

    def change(number):
        events = aws.client("events")
        while not stop.is_set():
            try:
                events.put_rule(Name=f"passing-{number}", EventPattern='{"source": ["none"]}')
                events.delete_rule(Name=f"passing-{number}")
            except ClientError as error:
                faults.append(error)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for number in range(40):
        aws.send("steady", {"n": number})
    stop.set()
    for thread in threads:
        thread.join()
    assert faults == []
    numbers = {event["detail"]["n"] for event in aws.bodies("busy", 40)}
    assert numbers == set(range(40))


def test_a_schedule_fires_when_the_clock_is_advanced(aws):
    queue = aws.queue("nightly")
    aws.rule("nightly", [{"Arn": queue}], ScheduleExpression="rate(7 days)")
    aws.rule("never", [{"Arn": queue}], ScheduleExpression="rate(7 days)", State="DISABLED")
    advance_clock(aws.connection, 7 * 86_400 + 1)
    [event] = aws.bodies("nightly")
    assert event["source"] == "aws.events"
    assert event["detail-type"] == "Scheduled Event"
    assert event["resources"] == [aws.arn("events", "rule/nightly")]
    assert event["detail"] == {}


def moment(aws, seconds):
    """An at(…) that many seconds from the server's now, in Berlin's time."""
    now = advance_clock(aws.connection, 0)
    local = datetime.fromtimestamp(now + seconds, ZoneInfo("Europe/Berlin"))
    return f"at({local:%Y-%m-%dT%H:%M:%S})"


def test_the_scheduler_fires_once_and_deletes_what_is_done(aws):
    scheduler = aws.client("scheduler")
    aws.queue("once")
    target = {
        "Arn": aws.arn("sqs", "once"),
        "RoleArn": ROLE,
        "Input": '{"at": "<aws.scheduler.scheduled-time>"}',
    }
    scheduler.create_schedule(
        Name="once",
        ScheduleExpression=moment(aws, 3600),
        ScheduleExpressionTimezone="Europe/Berlin",
        ActionAfterCompletion="DELETE",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=target,
    )
    advance_clock(aws.connection, 3601)
    [sent] = aws.bodies("once")
    assert sent["at"].endswith("Z")
    # It is deleted a moment later.
    aws.until(lambda: "once" not in [s["Name"] for s in scheduler.list_schedules()["Schedules"]])
    assert refused(scheduler.get_schedule, Name="once")[0] == "ResourceNotFoundException"


def test_the_scheduler_follows_an_update(aws):
    scheduler = aws.client("scheduler")
    aws.queue("often")
    request = {
        "Name": "often",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": aws.arn("sqs", "often"), "RoleArn": ROLE},
    }
    scheduler.create_schedule(ScheduleExpression="rate(300 days)", **request)
    scheduler.update_schedule(ScheduleExpression="rate(30 days)", **request)
    advance_clock(aws.connection, 30 * 86_400 + 1)
    [event] = aws.bodies("often")
    assert (event["source"], event["detail-type"]) == ("aws.scheduler", "Scheduled Event")
    code, _ = refused(
        scheduler.create_schedule, ScheduleExpression="rate(1 days)", **request | {"Name": "bad"}
    )
    assert code == "ValidationException"


def test_the_clock_answers_to_the_access_key_alone(aws):
    stranger = type(aws.connection)(**{**vars(aws.connection), "access_key": "OTHER"})
    with pytest.raises(ClockError, match="access key"):
        advance_clock(stranger, 1)
    with pytest.raises(ClockError, match="forward"):
        advance_clock(aws.connection, -1)
