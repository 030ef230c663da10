"""What this account's buckets, model package groups and event buses say of strangers."""

from __future__ import annotations

import json
from collections.abc import Callable

from moto.events.models import events_backends
from moto.s3.models import s3_backends

from local.iam.documents import Statement, read_statements
from local.registry_groups import KIND as GROUP
from local.store import Store


class ResourcePolicies:
    """The policies of the resources of one account, by the ARN of what is asked about."""

    def __init__(self, account: str, store: Store) -> None:
        self._account, self._store = account, store
        self._of: dict[str, Callable[[str], str | bytes | None]] = {
            "s3": self._bucket,
            "sagemaker": self._group,
            "events": self._bus,
        }

    def of(self, arn: str) -> tuple[Statement, ...]:
        """The statements; none where there is no policy, or nothing that could have one."""
        text = self._of[arn.split(":")[2]](arn)
        return read_statements(json.loads(text)) if text else ()

    def _bucket(self, arn: str) -> str | bytes | None:
        name = arn.rpartition(":")[2].partition("/")[0]
        found = s3_backends[self._account]["aws"].buckets.get(name)
        return found.policy if found else None

    def _group(self, arn: str) -> str | None:
        """Of the group that a version is in."""
        parts = arn.rpartition(":")[2].split("/")
        found = self._store.find(GROUP, parts[1]) if len(parts) > 2 else None
        return found.get("_Policy") if found else None

    def _bus(self, arn: str) -> str | None:
        region, name = arn.split(":")[3], arn.rpartition("/")[2]
        found = events_backends[self._account][region].event_buses.get(name)
        return found.policy if found else None
