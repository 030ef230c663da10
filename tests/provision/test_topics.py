"""The topic: who may publish, who is told, and with which key."""

import dataclasses
import json

import pytest

ARN = "arn:aws:sns:eu-west-1:123456789012:breedline-notifications"


@pytest.fixture
def sns(clients):
    return clients("sns")


def with_emails(loaded, *emails):
    return dataclasses.replace(loaded, alarms=dataclasses.replace(loaded.alarms, emails=emails))


def addresses(sns):
    listed = sns.list_subscriptions_by_topic(TopicArn=ARN)["Subscriptions"]
    return sorted(item["Endpoint"] for item in listed if item["Protocol"] == "email")


def test_rules_and_our_alarms_may_publish_and_nobody_without_tls(upsert, sns):
    upsert()
    policy = json.loads(sns.get_topic_attributes(TopicArn=ARN)["Attributes"]["Policy"])
    rules, alarms, tls = policy["Statement"]
    assert rules["Principal"] == {"Service": "events.amazonaws.com"}
    assert "Condition" not in rules  # with one, EventBridge could never publish
    prefix = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:breedline-"
    assert alarms["Condition"]["ArnEquals"]["aws:SourceArn"] == [
        f"{prefix}errors-5xx",
        f"{prefix}errors-model",
        f"{prefix}latency",
    ]
    assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_emails_of_the_settings_are_subscribed_once(upsert, replan, sns, local):
    loaded = with_emails(local, "b@example.com", "a@example.com")
    upsert(loaded)
    assert addresses(sns) == ["a@example.com", "b@example.com"]
    assert replan(loaded) == []


def test_a_further_email_is_shown_and_subscribed(upsert, sns, local):
    upsert(with_emails(local, "a@example.com"))
    (result,) = upsert(with_emails(local, "a@example.com", "b@example.com"))
    assert result.change.reason == "emails differ"
    assert addresses(sns) == ["a@example.com", "b@example.com"]


def test_who_subscribed_by_hand_stays(upsert, replan, sns):
    upsert()
    sns.subscribe(TopicArn=ARN, Protocol="email", Endpoint="curious@example.com")
    sns.subscribe(TopicArn=ARN, Protocol="https", Endpoint="https://example.com/hook")
    assert replan() == []


def test_a_policy_that_somebody_opened_is_closed_again(upsert, replan, sns):
    upsert()
    sns.set_topic_attributes(
        TopicArn=ARN,
        AttributeName="Policy",
        AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": []}),
    )
    (result,) = upsert()
    assert result.change.reason == "policy differs"
    assert replan() == []


def test_messages_are_encrypted_with_the_key_of_the_settings(upsert, replan, clients, sns, local):
    key = clients("kms").create_key()["KeyMetadata"]["Arn"]
    loaded = dataclasses.replace(local, aws=dataclasses.replace(local.aws, kms_key=key))
    upsert(loaded)
    assert sns.get_topic_attributes(TopicArn=ARN)["Attributes"]["KmsMasterKeyId"] == key
    assert [change for change in replan(loaded) if change.resource == "topic"] == []
