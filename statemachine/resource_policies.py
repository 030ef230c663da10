"""Who may write to the topic and to the dead-letter queue: the policies of those resources."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from statemachine.names import Names
from statemachine.statements import document

Statement = dict[str, Any]


def topic_policy(names: Names, alarms: Iterable[str], budget: bool = False) -> dict[str, Any]:
    """Who may publish: our alarms, the account's rules and budget, and nobody without TLS.

    The roles of this account need no statement here. EventBridge sends SNS nothing that a condition
    could look at: with one, it would be refused always. An alarm's name may hold stars.
    """
    sources = [names.arn("cloudwatch", f"alarm:{alarm}") for alarm in sorted(alarms)]
    ours = {"StringEquals": {"aws:SourceAccount": names.settings.aws.account_id}}
    publish = {"Action": "sns:Publish", "Resource": names.topic_arn}
    found: list[Statement] = [
        {**_admit("Rules", "events"), **publish},
        {
            **_admit("Alarms", "cloudwatch"),
            **publish,
            "Condition": {"ArnEquals": {"aws:SourceArn": sources}},
        },
        {
            "Sid": "OnlyTls",
            "Effect": "Deny",
            "Principal": "*",
            **publish,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]
    if budget:
        found.append({**_admit("Budget", "budgets"), **publish, "Condition": ours})
    return document(found)


def queue_policy(names: Names, rules: Iterable[str]) -> dict[str, Any]:
    """Only EventBridge may send, for our rules alone, whose names may hold stars."""
    sources = [names.arn("events", f"rule/{rule}") for rule in sorted(rules)]
    return document(
        [
            {
                **_admit("Rules", "events"),
                "Action": "sqs:SendMessage",
                "Resource": names.queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": sources}},
            }
        ]
    )


def _admit(sid: str, service: str) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}}
