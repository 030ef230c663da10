"""Events from a rule of one account to the bus of another, and what becomes of those refused."""

import json

import pytest

from local.connection import ACCOUNT, ensure_server, stop_server
from tests.local.neighbours.conftest import OTHER, REGION, Account, let_in

THIRD = "333333333333"
BUS = f"arn:aws:events:{REGION}:{OTHER}:event-bus/default"
ENTRY = {"Source": "tests", "DetailType": "Told", "Detail": '{"n": 1}'}


@pytest.fixture(scope="module")
def inbox(accounts):
    """A queue of the receiver that gets what comes from the sender's account."""
    url, arn = accounts[1].queue("inbox")
    events = accounts[1].client("events")
    pattern = {"account": [ACCOUNT], "source": ["tests"]}
    events.put_rule(Name="inbox", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="inbox", Targets=[{"Id": "q", "Arn": arn}])
    return url


@pytest.fixture(scope="module")
def lost(accounts):
    """The sender's dead-letter queue, (URL, ARN)."""
    return accounts[0].queue("lost")


@pytest.fixture
def open_bus(accounts):
    """The receiver's bus, open to the sender for as long as a test runs."""
    condition = {"Condition": {"StringEquals": {"events:source": "tests"}}}
    policy = let_in(f"arn:aws:iam::{ACCOUNT}:root", "events:PutEvents", BUS, **condition)
    accounts[1].client("events").put_permission(Policy=policy)
    yield
    accounts[1].client("events").remove_permission(RemoveAllPermissions=True)


def send(account, role, lost, bus=BUS, source="tests"):
    """An event of the account's, matched by a rule whose target is a bus."""
    events = account.client("events")
    events.put_rule(Name="away", EventPattern=json.dumps({"source": [source]}))
    target = {"Id": "bus", "Arn": bus, "RoleArn": role, "DeadLetterConfig": {"Arn": lost[1]}}
    events.put_targets(Rule="away", Targets=[target])
    sent = events.put_events(Entries=[{**ENTRY, "Source": source}])
    return sent["Entries"][0]["EventId"]


def reason(account, lost):
    """Code and message of the dead letter that came."""
    (letter,) = account.receive(lost[0])
    account.client("sqs").delete_message(QueueUrl=lost[0], ReceiptHandle=letter["ReceiptHandle"])
    attributes = letter["MessageAttributes"]
    return tuple(attributes[f"ERROR_{each}"]["StringValue"] for each in ("CODE", "MESSAGE"))


@pytest.fixture(scope="module")
def teller(accounts):
    return accounts[0].role("teller", ("events:PutEvents", BUS))


def test_an_event_arrives_as_it_was_sent_with_the_senders_account(
    accounts, inbox, lost, open_bus, teller
):
    sent = send(accounts[0], teller, lost)
    (message,) = accounts[1].receive(inbox)
    event = json.loads(message["Body"])
    assert (event["id"], event["account"], event["detail"]) == (sent, ACCOUNT, {"n": 1})
    accounts[1].client("sqs").delete_message(QueueUrl=inbox, ReceiptHandle=message["ReceiptHandle"])


def test_a_bus_without_a_policy_takes_nothing_and_the_dead_letter_says_so(accounts, lost, teller):
    send(accounts[0], teller, lost)
    code, message = reason(accounts[0], lost)
    assert code == "NO_PERMISSIONS"
    assert f"is not authorized to perform: events:PutEvents on resource: {BUS}" in message
    assert "no resource-based policy allows the events:PutEvents action" in message


def test_a_condition_of_the_bus_is_asked(accounts, lost, open_bus, teller):
    send(accounts[0], teller, lost, source="others")
    assert reason(accounts[0], lost)[0] == "NO_PERMISSIONS"


def test_a_rules_role_must_be_allowed_to_tell(accounts, lost, open_bus):
    silent = accounts[0].role("silent", ("s3:GetObject", "*"))
    send(accounts[0], silent, lost)
    code, message = reason(accounts[0], lost)
    assert code == "NO_PERMISSIONS"
    assert "no identity-based policy allows the events:PutEvents action" in message


def test_a_bus_and_an_account_that_are_not_there(accounts, lost):
    buses = BUS.replace("default", "none"), BUS.replace(OTHER, "444444444444")
    role = accounts[0].role("everywhere", ("events:PutEvents", "*"))
    for bus in buses:
        send(accounts[0], role, lost, bus)
        code, message = reason(accounts[0], lost)
        assert code == "NO_RESOURCE"
        assert f"Event bus {bus} does not exist." in message


def test_no_account_takes_the_name_of_anothers_role(accounts, lost, open_bus):
    """Even where roles are not asked what they may."""
    stranger = Account(accounts[0].folder, THIRD)
    try:
        letters = stranger.queue("lost")
        send(stranger, f"arn:aws:iam::{ACCOUNT}:role/teller", letters)
        code, message = reason(stranger, letters)
        assert code == "NO_PERMISSIONS"
        assert f"is no role of the account {THIRD}" in message
        role = stranger.role("teller", ("events:PutEvents", BUS))
        send(stranger, role, letters)
        assert "no resource-based policy allows" in reason(stranger, letters)[1]
    finally:
        stop_server(stranger.folder)


def test_an_event_waits_for_an_account_that_is_stopped(
    accounts, inbox, lost, open_bus, teller, monkeypatch
):
    monkeypatch.setenv("BREEDLINE_ENFORCE_IAM", "1")
    stop_server(accounts[1].folder)
    sent = send(accounts[0], teller, lost)
    accounts[1].connection, _ = ensure_server(accounts[1].folder, REGION, 0, OTHER)
    (message,) = accounts[1].receive(inbox)
    assert json.loads(message["Body"])["id"] == sent
