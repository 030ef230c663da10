"""What environments of two accounts grant each other: policies of the group, bucket and event bus.

Of a policy that other people write too, as those of a bucket and an event bus are, only our own
statements are compared, put and taken away, by their names: what was granted to a partner goes when
the settings name none any more. The statement for a KMS key is left to whoever has the key: a
policy that is wrong there locks everybody out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from provision.change import Change, Clients, by_sid, compare, differences, or_none
from settings import Settings
from statemachine.promotion import (
    bucket_statements,
    bus_statement,
    comes_from_afar,
    gives_away,
    group_policy,
)
from statemachine.statements import Statement, document

RESOURCE = "promotion-policy"
NO_PARTNER = "the settings name no such partner"
# What SageMaker answers for a group, or a policy, that is not there.
NO_GROUP = ("ValidationException", "ResourceNotFound")
BUS = "default"  # every account has it; AWS sends its own events there


@dataclass(frozen=True)
class Granted:
    """Our statements in a resource's policy; `place` is which kind of resource.

    Without a partner they are not `wanted`, and known by their names alone.
    """

    place: str
    name: str
    statements: list[Statement]
    wanted: bool

    @property
    def names(self) -> set[str]:
        return {statement["Sid"] for statement in self.statements}

    def properties(self) -> dict[str, Any]:
        """What is compared with the policy that exists."""
        return by_sid(document(self.statements))


def grants(settings: Settings) -> tuple[Granted, ...]:
    """What the settings grant, or once may have granted."""
    group, gives = settings.pipeline.model_package_group, gives_away(settings)
    return (
        Granted("group", group, group_policy(settings)["Statement"], gives),
        Granted("bucket", settings.bucket, bucket_statements(settings), gives),
        Granted("bus", BUS, [bus_statement(settings)], comes_from_afar(settings)),
    )


def plan_promotion(clients: Clients, settings: Settings) -> Iterator[Change]:
    """Compare the policies with what the settings grant; a partner there never was is no change."""
    for granted in grants(settings):
        found = find_granted(clients, granted)
        if granted.wanted:
            yield compare(RESOURCE, by_sid(document(found)) if found else None, granted)
        elif found:
            yield revoke(granted, found, NO_PARTNER)


def find_granted(clients: Clients, granted: Granted) -> list[Statement]:
    """Those of our statements that are in the policy."""
    return [each for each in _read(clients, granted) if each.get("Sid") in granted.names]


def revoke(granted: Granted, found: list[Statement], reason: str) -> Change:
    """The change that takes our statements away."""
    diff = differences(by_sid(document(found)), by_sid(document([])))
    return Change("delete", RESOURCE, granted.name, reason, replace(granted, wanted=False), diff)


def apply_promotion(clients: Clients, change: Change) -> str:
    """Put our statements beside those of others, or take them away; returns which policy."""
    granted: Granted = change.desired
    if granted.wanted:
        statements = [*_others(clients, granted), *granted.statements]
        _PUT[granted.place](clients, granted.name, json.dumps(document(statements)))
    else:
        _TAKE_AWAY[granted.place](clients, granted)
    return f"{granted.place} {granted.name}"


def _others(clients: Clients, granted: Granted) -> list[Statement]:
    return [each for each in _read(clients, granted) if each.get("Sid") not in granted.names]


def _read(clients: Clients, granted: Granted) -> list[Statement]:
    """All statements of the policy; none of a resource that has no policy, or is not there yet."""
    text = _READ[granted.place](clients, granted.name)
    found = json.loads(text).get("Statement", []) if text else []
    return found if isinstance(found, list) else [found]


def _read_group(clients: Clients, name: str) -> str | None:
    read = partial(clients("sagemaker").get_model_package_group_policy, ModelPackageGroupName=name)
    answer = or_none(read, *NO_GROUP)
    return answer and str(answer["ResourcePolicy"])


def _put_group(clients: Clients, name: str, text: str) -> None:
    clients("sagemaker").put_model_package_group_policy(
        ModelPackageGroupName=name, ResourcePolicy=text
    )


def _take_from_group(clients: Clients, granted: Granted) -> None:
    if others := _others(clients, granted):
        _put_group(clients, granted.name, json.dumps(document(others)))
    else:  # or nobody has one any more: this may be the second try
        delete = clients("sagemaker").delete_model_package_group_policy
        or_none(partial(delete, ModelPackageGroupName=granted.name), *NO_GROUP)


def _read_bucket(clients: Clients, name: str) -> str | None:
    read = partial(clients("s3").get_bucket_policy, Bucket=name)
    answer = or_none(read, "NoSuchBucketPolicy", "NoSuchBucket")
    return answer and str(answer["Policy"])


def _put_bucket(clients: Clients, name: str, text: str) -> None:
    clients("s3").put_bucket_policy(Bucket=name, Policy=text)


def _take_from_bucket(clients: Clients, granted: Granted) -> None:
    if others := _others(clients, granted):
        _put_bucket(clients, granted.name, json.dumps(document(others)))
    else:
        clients("s3").delete_bucket_policy(Bucket=granted.name)


def _read_bus(clients: Clients, name: str) -> str | None:
    policy: str | None = clients("events").describe_event_bus(Name=name).get("Policy")
    return policy


def _put_bus(clients: Clients, name: str, text: str) -> None:
    clients("events").put_permission(EventBusName=name, Policy=text)


def _take_from_bus(clients: Clients, granted: Granted) -> None:
    """One by one: the bus alone has a call for that."""
    remove = partial(clients("events").remove_permission, EventBusName=granted.name)
    for sid in sorted(granted.names):
        or_none(partial(remove, StatementId=sid), "ResourceNotFoundException")


_READ: dict[str, Callable[[Clients, str], str | None]] = {
    "group": _read_group,
    "bucket": _read_bucket,
    "bus": _read_bus,
}
_PUT: dict[str, Callable[[Clients, str, str], None]] = {
    "group": _put_group,
    "bucket": _put_bucket,
    "bus": _put_bus,
}
_TAKE_AWAY: dict[str, Callable[[Clients, Granted], None]] = {
    "group": _take_from_group,
    "bucket": _take_from_bucket,
    "bus": _take_from_bus,
}
