"""The caller's least policy, against the calls that an upsert makes."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from provision.apply import apply
from provision.change import Clients
from provision.plan import plan
from provision.preflight.caller import caller_statements

# API operations whose IAM action is called otherwise.
RENAMED = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}
OPERATIONS = {action: operation for operation, action in RENAMED.items()}
ROOT = Path(__file__).parents[3]
SOURCE = "".join(
    path.read_text()
    for folder in ("provision", "commands")
    for path in (ROOT / folder).glob("*.py")
)
PREFIXES = {"monitoring": "cloudwatch"}


class Noted:
    """Notes the operations that are called on something that is no client of boto3."""

    def __init__(self, target, note):
        self._target, self._note = target, note

    def __getattr__(self, name):
        self._note("sagemaker", "".join(word.capitalize() for word in name.split("_")))
        return getattr(self._target, name)


@pytest.fixture
def noting(clients):
    """Clients, and the IAM actions of what is called through them."""
    actions = set()

    def note(service, operation):
        action = f"{PREFIXES.get(service, service)}:{operation}"
        actions.add(RENAMED.get(action, action))

    def hear(model, **_):
        note(model.service_model.signing_name, model.name)

    def make(service):
        client = clients(service)
        if service == "sagemaker":
            return Noted(client, note)
        client.meta.events.register("before-call.*.*", hear, unique_id="noting")
        heard.append(client)
        return client

    heard: list[Any] = []
    yield Clients(make, sleep=lambda _: None), actions
    for client in heard:
        client.meta.events.unregister("before-call.*.*", unique_id="noting")


def test_every_call_of_an_upsert_is_allowed_and_nothing_is_that_nobody_calls(
    noting, local, described
):
    clients, actions = noting
    changed = dataclasses.replace(
        local,
        function=dataclasses.replace(local.function, memory_mb=1024),
        alarms=dataclasses.replace(local.alarms, emails=("ada@example.com",)),
        pipeline=dataclasses.replace(local.pipeline, accuracy_threshold=0.5),
        triggers=dataclasses.replace(local.triggers, retrain_schedule=""),
    )
    for settings in (local, changed, local):
        documents = described(settings)
        apply(plan(clients, settings, documents), clients)
    allowed = {action for statement in caller_statements(local) for action in statement["Action"]}
    assert actions - allowed == set()
    for action in allowed - actions - {"iam:PassRole"}:
        assert _in_words(action) in SOURCE, f"{action} is granted, and nothing calls it"


def _in_words(action):
    """The method of boto3 for an action."""
    operation = OPERATIONS.get(action, action).partition(":")[2]
    return re.sub(r"(?<!^)([A-Z])", r"_\1", operation).lower()
