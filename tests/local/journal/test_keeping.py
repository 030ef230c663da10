"""The journal keeps what counts: the last of each setting, nothing of what was deleted or read."""

import json

import pytest

URL = "http://127.0.0.1:1234/123456789012/q"


def test_the_answer_reaches_the_client(room):
    room.answer = {"QueueUrl": URL}
    status, body = room.ask("sqs", "CreateQueue", QueueName="q")
    assert (status, json.loads(body)) == ("200 OK", {"QueueUrl": URL})


def test_a_setting_replaces_an_earlier_one_where_it_stood(room):
    room.ask("events", "PutRule", Name="r", EventPattern="1")
    room.ask("events", "PutTargets", Rule="r", Targets=[{"Id": "1", "Arn": "a"}])
    room.ask("events", "PutRule", Name="r", EventPattern="2", EventBusName="default")
    assert room.replayed() == [
        ("PutRule", {"Name": "r", "EventPattern": "2", "EventBusName": "default"}),
        ("PutTargets", {"Rule": "r", "Targets": [{"Id": "1", "Arn": "a"}]}),
    ]


def test_targets_are_kept_one_by_one(room):
    room.ask("events", "PutRule", Name="r", EventPattern="1")
    targets = [{"Id": "1", "Arn": "a"}, {"Id": "2", "Arn": "b"}]
    room.ask("events", "PutTargets", Rule="r", Targets=targets)
    room.ask("events", "PutTargets", Rule="r", Targets=[{"Id": "2", "Arn": "c"}])
    room.ask("events", "RemoveTargets", Rule="r", Ids=["1"])
    assert room.replayed()[1:] == [
        ("PutTargets", {"Rule": "r", "Targets": [{"Id": "2", "Arn": "c"}]})
    ]


def test_a_rule_that_is_put_again_is_no_longer_disabled(room):
    room.ask("events", "PutRule", Name="r", EventPattern="1")
    room.ask("events", "DisableRule", Name="r")
    assert [name for name, _ in room.replayed()] == ["PutRule", "DisableRule"]
    room.ask("events", "PutRule", Name="r", EventPattern="1")
    assert [name for name, _ in room.replayed()] == ["PutRule"]


def test_deleting_removes_all_that_belongs_to_it(room):
    room.ask("sqs", "CreateQueue", QueueName="q")
    room.ask("sqs", "SetQueueAttributes", QueueUrl=URL, Attributes={"Policy": "p"})
    room.ask("sqs", "TagQueue", QueueUrl=URL, Tags={"k": "v"})
    room.ask("sqs", "AddPermission", QueueUrl=URL, Label="l")
    room.ask("sqs", "CreateQueue", QueueName="other")
    room.ask("sqs", "DeleteQueue", QueueUrl=URL)
    assert room.replayed() == [("CreateQueue", {"QueueName": "other"})]


def test_attributes_are_kept_one_by_one(room):
    room.ask("sqs", "SetQueueAttributes", QueueUrl=URL, Attributes={"A": "1", "B": "1"})
    room.ask("sqs", "SetQueueAttributes", QueueUrl=URL, Attributes={"B": "2"})
    assert [fields["Attributes"] for _, fields in room.replayed()] == [{"A": "1"}, {"B": "2"}]


def test_a_parameter_keeps_what_later_requests_leave_out(room):
    room.ask("ssm", "PutParameter", Name="/p", Value="1", Type="String")
    room.ask("ssm", "PutParameter", Name="/p", Value="2", Overwrite=True)
    assert room.replayed() == [("PutParameter", {"Name": "/p", "Value": "2", "Type": "String"})]


def test_things_named_by_their_answer_are_kept_apart(room):
    for number in ("1", "2"):
        room.answer = {"KeyMetadata": {"KeyId": f"key-{number}"}}
        room.ask("kms", "CreateKey", Description=number)
    room.ask("kms", "DisableKey", KeyId="arn:aws:kms:eu-west-1:1:key/key-1")
    room.ask("kms", "EnableKey", KeyId="key-1")
    assert [name for name, _ in room.replayed()] == ["CreateKey", "CreateKey", "EnableKey"]


def test_what_reads_moves_data_or_is_refused_is_not_kept(room):
    room.refuse = {"DeleteQueue"}
    room.ask("sqs", "ListQueues")
    room.ask("sqs", "SendMessage", QueueUrl=URL, MessageBody="m")
    room.ask("sqs", "ReceiveMessage", QueueUrl=URL)
    room.ask("sqs", "DeleteQueue", QueueUrl=URL)
    room.ask("events", "PutEvents", Entries=[])
    room.ask("kms", "Encrypt", KeyId="k")
    assert room.replayed() == []


def test_an_unknown_change_is_kept_as_it_comes(room):
    room.ask("events", "CreateConnection", Name="c")
    room.ask("events", "CreateConnection", Name="c")
    assert [name for name, _ in room.replayed()] == ["CreateConnection", "CreateConnection"]


def test_what_names_something_later_is_tried_again(room):
    room.ask("sqs", "CreateQueue", QueueName="a")
    room.ask("sqs", "CreateQueue", QueueName="b")
    first = room.application
    made = []

    def in_order(environ, start_response):
        body = first(environ, lambda status, headers: None)
        name = room.seen[-1][1]["QueueName"]
        missing = name == "a" and "b" not in made
        made.append(name)
        start_response("400 Bad" if missing else "200 OK", [])
        return body

    room.application = in_order
    assert [fields["QueueName"] for _, fields in room.replayed()] == ["a", "b", "a"]


@pytest.mark.parametrize("setting", ["notification", "policy", "lifecycle", "cors"])
def test_settings_of_buckets_are_kept_and_objects_are_not(room, setting):
    room.ask_s3("PUT", "/photos", body=b"<create/>")
    room.ask_s3("PUT", "/photos", f"{setting}&X-Amz-Signature=abc", b"<one/>")
    room.ask_s3("PUT", "/photos", setting, b"<two/>")
    room.ask_s3("PUT", "/photos/1.jpg", body=b"photo")
    room.ask_s3("GET", "/photos", setting)
    assert room.replayed() == [("PUT /photos", "<two/>")]
    room.ask_s3("DELETE", "/photos", setting)
    assert room.replayed() == []


def test_a_deleted_bucket_takes_its_settings_along(room):
    room.ask_s3("PUT", "/photos", "policy", b"{}")
    room.ask_s3("DELETE", "/photos")
    assert room.replayed() == []


def test_the_file_holds_no_signature_and_is_for_its_owner_alone(room):
    room.ask("sqs", "CreateQueue", QueueName="q")
    room.ask_s3("PUT", "/photos", "policy&X-Amz-Signature=abc&X-Amz-Security-Token=t", b"{}")
    text = room.path.read_text()
    assert not {"Signature", "abc", "Token", "KEY"} & set(text.replace('"', " ").split())
    assert "X-Amz-Sig" not in text
    assert room.path.stat().st_mode & 0o077 == 0
