"""The table of locks: one deployment at a time, one retraining for each version of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from errors import BreedlineError
from provision.change import (
    Change,
    Clients,
    as_tags,
    compare,
    from_tags,
    only,
    or_none,
    unless_there,
)
from provision.waiting import until
from settings import Settings
from statemachine.names import Names

RESOURCE = "table"
KEY = "Name"


@dataclass(frozen=True)
class Table:
    """The table as it should be; `kms_key` empty means the key that DynamoDB owns."""

    name: str
    kms_key: str
    tags: dict[str, str]

    def properties(self) -> dict[str, Any]:
        """What is compared with the table that exists."""
        return {
            "billing": "PAY_PER_REQUEST",
            "kms_key": self.kms_key,
            "point_in_time_recovery": "ENABLED",
            "tags": self.tags,
        }

    def encryption(self) -> dict[str, Any]:
        """What CreateTable and UpdateTable both take."""
        if not self.kms_key:
            return {"Enabled": False}
        return {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": self.kms_key}


def plan_table(clients: Clients, settings: Settings) -> Change:
    """Compare the table with the settings; raises BreedlineError when it is another's."""
    kms_key = key_arn(clients, settings.aws.kms_key)
    desired = Table(Names(settings).table, kms_key, settings.tags)
    return compare(RESOURCE, _current(clients("dynamodb"), desired), desired)


def apply_table(clients: Clients, change: Change) -> str:
    """Create or correct the table; returns its ARN when it can be used."""
    table: Table = change.desired
    dynamodb, name, encryption = clients("dynamodb"), table.name, table.encryption()
    if change.kind == "create":
        unless_there(
            lambda: dynamodb.create_table(
                TableName=name,
                AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
                KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
                Tags=as_tags(table.tags),
                **({"SSESpecification": encryption} if table.kms_key else {}),
            )
        )
    until(clients, lambda: _is_active(dynamodb, name), f"The table {name}")
    # One property at a time: DynamoDB refuses an update of what is already so.
    changed = {line.partition(":")[0] for line in change.diff}
    if "billing" in changed:
        dynamodb.update_table(TableName=name, BillingMode="PAY_PER_REQUEST")
        until(clients, lambda: _is_active(dynamodb, name), f"The table {name}")
    if "kms_key" in changed:
        dynamodb.update_table(TableName=name, SSESpecification=encryption)
        until(clients, lambda: _is_active(dynamodb, name), f"The table {name}")
    dynamodb.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    arn = str(dynamodb.describe_table(TableName=name)["Table"]["TableArn"])
    dynamodb.tag_resource(ResourceArn=arn, Tags=as_tags(table.tags))
    return arn


def _current(dynamodb: Any, table: Table) -> dict[str, Any] | None:
    name = table.name
    found = or_none(
        lambda: dynamodb.describe_table(TableName=name)["Table"], "ResourceNotFoundException"
    )
    if found is None:
        return None
    if found["KeySchema"] != [{"AttributeName": KEY, "KeyType": "HASH"}]:
        raise BreedlineError(
            f"The table '{name}' exists with another key than {KEY}: delete it, or choose another "
            "endpoint.name in environments.toml."
        )
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {})
    listed = dynamodb.list_tags_of_resource(ResourceArn=found["TableArn"])
    return {
        "billing": found.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
        "kms_key": found.get("SSEDescription", {}).get("KMSMasterKeyArn", ""),
        "point_in_time_recovery": recovery.get("PointInTimeRecoveryStatus"),
        "tags": only(from_tags(listed["Tags"]), table.tags),
    }


def _is_active(dynamodb: Any, name: str) -> bool:
    return bool(dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE")


def key_arn(clients: Clients, key: str) -> str:
    """The key's ARN, which is what DynamoDB tells of it; the settings may name an alias."""
    if not key or ":key/" in key:
        return key
    kms = clients("kms")
    found = or_none(lambda: kms.describe_key(KeyId=key)["KeyMetadata"], "NotFoundException")
    if found is None:
        raise BreedlineError(
            f"aws.kms_key '{key}' is not in this account and region: create it, or name another."
        )
    return str(found["Arn"])
