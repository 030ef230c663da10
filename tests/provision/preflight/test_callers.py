"""The callers' least policies: upsert's against its calls, the stack's against its types' handlers.

What the other commands call is proven end to end, in tests/end_to_end/test_callers.py.
"""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from provision.apply import apply
from provision.change import Clients
from provision.plan import plan
from provision.preflight.callers import CALLERS, caller_statements
from tests.provision.handlers import handler_permissions

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
    statements = caller_statements(local, ["upsert"])
    allowed = {action for statement in statements for action in statement["Action"]}
    assert actions - allowed == set()
    for action in allowed - actions - {"iam:PassRole"}:
        assert _in_words(action) in SOURCE, f"{action} is granted, and nothing calls it"


def _in_words(action):
    """The method of boto3 for an action."""
    operation = OPERATIONS.get(action, action).partition(":")[2]
    return re.sub(r"(?<!^)([A-Z])", r"_\1", operation).lower()


# What handlers may call for properties that no resource of the template has.
NOT_OURS = {
    "a bucket's": (
        "s3:CreateBucketMetadataTableConfiguration s3:DeleteObject s3:GetBucketAcl "
        "s3:PutAccelerateConfiguration s3:PutAnalyticsConfiguration s3:PutBucketAbac "
        "s3:PutBucketAcl s3:PutBucketCORS s3:PutBucketLogging s3:PutBucketObjectLockConfiguration "
        "s3:PutBucketReplication s3:PutBucketWebsite s3:PutIntelligentTieringConfiguration "
        "s3:PutInventoryConfiguration s3:PutMetricsConfiguration s3:PutObjectAcl "
        "s3:PutObjectLockConfiguration s3:PutReplicationConfiguration "
        "s3:DeleteBucketAnalyticsConfiguration s3:DeleteBucketCors s3:DeleteBucketEncryption "
        "s3:DeleteBucketLifecycle s3:DeleteBucketMetadataTableConfiguration "
        "s3:DeleteBucketMetricsConfiguration s3:DeleteBucketReplication s3:DeleteBucketWebsite "
        "s3:UpdateBucketMetadataAnnotationTableConfiguration "
        "s3:UpdateBucketMetadataInventoryTableConfiguration "
        "s3:UpdateBucketMetadataJournalTableConfiguration "
        "s3tables:CreateNamespace s3tables:CreateTable s3tables:CreateTableBucket "
        "s3tables:GetTable s3tables:GetTableMetadataLocation s3tables:PutTableBucketPolicy "
        "s3tables:PutTableEncryption s3tables:PutTablePolicy s3tables:UpdateTableMetadataLocation"
    ),
    "what outlives the stack": "s3:DeleteBucket kms:ScheduleKeyDeletion",
    "a key's: it is on, and its rotation too": (
        "kms:DisableKey kms:DisableKeyRotation kms:EnableKey"
    ),
    "a role's: it has inline policies, and no boundary": (
        "iam:AttachRolePolicy iam:DetachRolePolicy iam:DeleteRolePermissionsBoundary "
        "iam:PutRolePermissionsBoundary iam:UpdateRole iam:UpdateRoleDescription"
    ),
    "a network's: it has IPv4 alone, and its endpoints are of this region": (
        "ec2:AssociateSubnetCidrBlock ec2:DisassociateSubnetCidrBlock "
        "ec2:CreateVpcEncryptionControl ec2:ModifyVpcTenancy vpce:AllowMultiRegion "
        "vpc-lattice:CreateServiceNetworkVpcEndpointAssociation "
        "vpc-lattice:DescribeServiceNetworkVpcEndpointAssociation"
    ),
    "a topic's: people are subscribed by upsert": (
        "sns:PutDataProtectionPolicy sns:Subscribe sns:Unsubscribe"
    ),
    "a log group's": (
        "firehose:TagDeliveryStream logs:CreateLogDelivery logs:DeleteDataProtectionPolicy "
        "logs:DeleteIndexPolicy logs:DeleteResourcePolicy logs:PutBearerTokenAuthentication "
        "logs:PutDataProtectionPolicy logs:PutIndexPolicy logs:PutLogGroupDeletionProtection "
        "logs:PutResourcePolicy s3:REST.PUT.OBJECT"
    ),
}
# What CloudFormation or a service does that no handler tells.
BESIDES = {
    "ec2:DescribeAvailabilityZones": "Fn::GetAZs in the template",
    "route53:AssociateVPCWithHostedZone": "the private names of interface endpoints",
}


@pytest.fixture
def whole(local):
    """Settings with which the stack makes all that it can."""
    return dataclasses.replace(
        local,
        aws=dataclasses.replace(local.aws, kms_key="alias/breedline"),
        alarms=dataclasses.replace(local.alarms, emails=("ada@example.com",)),
        foundation=dataclasses.replace(
            local.foundation, key=True, network=True, monthly_budget_usd=50
        ),
        roles=dataclasses.replace(local.roles, jobs="jobs"),
    )


def test_the_stack_may_do_what_the_handlers_of_its_types_do_and_no_more(whole):
    granted = {
        action
        for statement in caller_statements(whole, ["bootstrap"])
        for action in statement["Action"]
        if not action.startswith("cloudformation:")
    }
    left_out = {action for listed in NOT_OURS.values() for action in listed.split()}
    assert handler_permissions() - granted == left_out
    assert granted - handler_permissions() == {*BESIDES}


def test_what_has_a_name_is_narrowed_to_it(whole):
    for command in CALLERS:
        for statement in caller_statements(whole, [command]):
            for resource in statement["Resource"]:
                told = f"{command}: {statement['Sid']} {resource}"
                assert resource == "*" or resource.startswith("arn:aws:"), told
                everything = resource == "*" and not statement.get("Condition")
                reading = ("Describe", "List", "GetServiceQuota")  # which know no resource
                assert not everything or all(
                    action.partition(":")[2].startswith(reading) for action in statement["Action"]
                ), told


def test_a_sid_is_one_of_a_kind(whole):
    sids = [statement["Sid"] for statement in caller_statements(whole, CALLERS)]
    assert len(sids) == len({*sids})
    assert all(re.fullmatch("[A-Za-z0-9]+", sid) for sid in sids)
