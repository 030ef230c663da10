"""The plan: what an upsert would change, read from AWS and said before anything is done.

The order is the order of applying: the bucket before the code in it, both before the pipeline that
refers to them. Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provision.bucket import plan_bucket
from provision.change import Change, Clients
from provision.groups import plan_group
from provision.packages import Package
from provision.pipelines import plan_pipeline
from settings import Settings

CODE = "code-package"


@dataclass(frozen=True)
class Plan:
    """All changes in the order of applying, those that change nothing included."""

    changes: tuple[Change, ...]

    @property
    def is_empty(self) -> bool:
        """Whether applying would change nothing."""
        return all(change.kind == "no-op" for change in self.changes)

    def __str__(self) -> str:
        kinds = [change.kind for change in self.changes]
        counts = f"{kinds.count('create')} to create, {kinds.count('update')} to update"
        foot = f"{counts}, {kinds.count('no-op')} unchanged"
        return "\n".join([*(str(change) for change in self.changes), foot])

    def as_dict(self) -> dict[str, Any]:
        """The plan for `--json`."""
        changes = [change.as_dict() for change in self.changes]
        return {"changes": changes, "is_empty": self.is_empty}


def plan(
    clients: Clients,
    settings: Settings,
    definition: Mapping[str, Any],
    packages: Mapping[str, Package],
) -> Plan:
    """Read what is deployed and compare it with what the settings describe."""
    return Plan(
        (
            plan_bucket(clients, settings),
            *_plan_code(clients, packages),
            plan_group(clients, settings),
            plan_pipeline(clients, settings, definition),
        )
    )


def _plan_code(clients: Clients, packages: Mapping[str, Package]) -> Iterator[Change]:
    for package in packages.values():
        missing = package.missing(clients.s3)
        if missing:
            reason = f"{len(missing)} of {len(package.objects)} objects are not in the bucket"
            files = tuple(sorted(package.files))
            yield Change("create", CODE, package.name, reason, package, files)
        else:
            yield Change("no-op", CODE, package.name, "unchanged", package)
