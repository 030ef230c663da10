"""Whether those who are to be told of deployments and alarms have agreed to be.

The topic is made by the first `upsert`, so that there is nothing to find before it.
"""

from __future__ import annotations

from collections.abc import Iterator

from provision.change import or_none
from provision.preflight.credentials import read_identity
from provision.preflight.findings import Finding, Subject
from statemachine.names import Names

PENDING = "PendingConfirmation"


def check_notices(subject: Subject) -> Iterator[Finding]:
    """E-mail addresses have confirmed their subscription."""
    emails = {*subject.settings.alarms.emails}
    if not emails:
        return
    # Of the account that is there, even where the settings name another.
    account = read_identity(subject.clients).account
    names = Names(subject.settings)
    arn = names.topic_arn.replace(f":{subject.settings.aws.account_id}:", f":{account}:")
    sns = subject.clients("sns")
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn)
    found = or_none(
        lambda: [one for page in pages for one in page["Subscriptions"]],
        "NotFound",
        "NotFoundException",
    )
    pending = {
        one["Endpoint"]
        for one in found or []
        if one["Protocol"] == "email" and one["SubscriptionArn"] == PENDING
    }
    for email in sorted(pending & emails):
        yield Finding(
            "warning",
            f"e-mail {email}",
            "its subscription has not been confirmed, and no alarm reaches it",
            "follow the link in AWS's message; after three days, `upsert` sends another",
        )
