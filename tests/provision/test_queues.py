"""The dead-letter queue: encrypted, kept for long, written to by our rules alone."""

import dataclasses
import json

import pytest

from statemachine.rules import rules


@pytest.fixture
def attributes(clients):
    def read():
        sqs = clients("sqs")
        url = sqs.get_queue_url(QueueName="breedline-undelivered-events")["QueueUrl"]
        return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    return read


def test_the_queue_is_encrypted_and_keeps_events_for_two_weeks(upsert, attributes):
    upsert()
    found = attributes()
    assert found["SqsManagedSseEnabled"] == "true"
    assert found["MessageRetentionPeriod"] == str(14 * 24 * 3600)


def test_only_our_rules_may_send(upsert, attributes, local):
    upsert()
    (statement,) = json.loads(attributes()["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    prefix = "arn:aws:events:eu-west-1:123456789012:rule/"
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"] == [
        prefix + name for name in sorted(rule.name for rule in rules(local))
    ]


def test_a_further_rule_may_send_too(upsert, replan, local, attributes):
    upsert()
    triggers = dataclasses.replace(local.triggers, retrain_schedule="rate(1 day)")
    loaded = dataclasses.replace(local, triggers=triggers)
    assert {result.change.resource for result in upsert(loaded)} == {"queue", "rule"}
    assert "rule/breedline-schedule" in attributes()["Policy"]
    assert replan(loaded) == []
