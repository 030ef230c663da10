"""What environments of two accounts grant each other: policies of the group, bucket and event bus.

Of a policy that other people write too, as those of a bucket and an event bus are, only our own
statements are compared and put, by their names. The statement for a KMS key is left to whoever has
the key: a policy that is wrong there locks everybody out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from provision.change import Change, Clients, by_sid, compare, or_none
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
BUS = "default"  # every account has it; AWS sends its own events there


@dataclass(frozen=True)
class Granted:
    """The statements that a resource's policy should have; `place` is which kind of resource."""

    place: str
    name: str
    statements: list[Statement]

    def properties(self) -> dict[str, Any]:
        """What is compared with the policy that exists."""
        return by_sid(document(self.statements))


def plan_promotion(clients: Clients, settings: Settings) -> Iterator[Change]:
    """Compare the policies with what the settings grant; nothing where there is no partner."""
    if gives_away(settings):
        group = settings.pipeline.model_package_group
        policy = group_policy(settings)["Statement"]
        yield _compared(clients, Granted("group", group, policy))
        yield _compared(clients, Granted("bucket", settings.bucket, bucket_statements(settings)))
    if comes_from_afar(settings):
        yield _compared(clients, Granted("bus", BUS, [bus_statement(settings)]))


def apply_promotion(clients: Clients, change: Change) -> str:
    """Put our statements beside those of others; returns which policy it was."""
    granted: Granted = change.desired
    ours = {statement["Sid"] for statement in granted.statements}
    others = [each for each in _read(clients, granted) if each.get("Sid") not in ours]
    text = json.dumps(document([*others, *granted.statements]))
    _PUT[granted.place](clients, granted.name, text)
    return f"{granted.place} {granted.name}"


def _compared(clients: Clients, granted: Granted) -> Change:
    ours = {statement["Sid"] for statement in granted.statements}
    found = [each for each in _read(clients, granted) if each.get("Sid") in ours]
    return compare(RESOURCE, by_sid(document(found)) if found else None, granted)


def _read(clients: Clients, granted: Granted) -> list[Statement]:
    """All statements of the policy; none of a resource that has no policy, or is not there yet."""
    text = _READ[granted.place](clients, granted.name)
    found = json.loads(text).get("Statement", []) if text else []
    return found if isinstance(found, list) else [found]


def _read_group(clients: Clients, name: str) -> str | None:
    read = partial(clients("sagemaker").get_model_package_group_policy, ModelPackageGroupName=name)
    # SageMaker answers ValidationException for a group, or a policy, that is not there.
    answer = or_none(read, "ValidationException", "ResourceNotFound")
    return answer and str(answer["ResourcePolicy"])


def _put_group(clients: Clients, name: str, text: str) -> None:
    clients("sagemaker").put_model_package_group_policy(
        ModelPackageGroupName=name, ResourcePolicy=text
    )


def _read_bucket(clients: Clients, name: str) -> str | None:
    read = partial(clients("s3").get_bucket_policy, Bucket=name)
    answer = or_none(read, "NoSuchBucketPolicy", "NoSuchBucket")
    return answer and str(answer["Policy"])


def _put_bucket(clients: Clients, name: str, text: str) -> None:
    clients("s3").put_bucket_policy(Bucket=name, Policy=text)


def _read_bus(clients: Clients, name: str) -> str | None:
    policy: str | None = clients("events").describe_event_bus(Name=name).get("Policy")
    return policy


def _put_bus(clients: Clients, name: str, text: str) -> None:
    clients("events").put_permission(EventBusName=name, Policy=text)


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
