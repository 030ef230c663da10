"""The plan: what an upsert would change, read from AWS and said before anything is done.

The order is the order of applying: what is referred to comes before what refers to it. Roles are
first, because AWS takes some seconds to know a new one. Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provision.alarms import plan_alarms
from provision.bucket import plan_bucket
from provision.change import Change, Clients
from provision.documents import Documents
from provision.features import plan_features
from provision.functions import plan_functions
from provision.groups import plan_group
from provision.logs import plan_logs
from provision.machines import plan_machines
from provision.packages import Package
from provision.pipelines import plan_pipeline
from provision.promotion import plan_promotion
from provision.queues import plan_queue
from provision.roles import plan_roles
from provision.rules import plan_rules
from provision.tables import plan_table
from provision.topics import plan_topic
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
        counts = f"{kinds.count('create')} to create, {kinds.count('update')} to update, "
        if "delete" in kinds:
            counts += f"{kinds.count('delete')} to delete, "
        foot = f"{counts}{kinds.count('no-op')} unchanged"
        return "\n".join([*(str(change) for change in self.changes), foot])

    def as_dict(self) -> dict[str, Any]:
        """The plan for `--json`."""
        changes = [change.as_dict() for change in self.changes]
        return {"changes": changes, "is_empty": self.is_empty}


def plan(clients: Clients, settings: Settings, documents: Documents) -> Plan:
    """Read what is deployed and compare it with what the settings describe."""
    return Plan(
        (
            *plan_roles(clients, settings, documents.roles),
            plan_bucket(clients, settings),
            *_plan_code(clients, documents.packages),
            plan_group(clients, settings),
            *plan_promotion(clients, settings),
            *plan_features(clients, settings),
            plan_pipeline(clients, settings, documents.pipeline),
            *_plan_deployment(clients, settings, documents),
        )
    )


def _plan_deployment(
    clients: Clients, settings: Settings, documents: Documents
) -> Iterator[Change]:
    """What the state machines need, then they, then the rules that start them."""
    alarms = [str(alarm["AlarmName"]) for alarm in documents.alarms]
    rules = [rule.name for rule in documents.rules]
    yield plan_table(clients, settings)
    yield plan_topic(clients, settings, alarms)
    yield plan_queue(clients, settings, rules)
    yield from plan_logs(clients, settings)
    yield from plan_functions(clients, settings, documents.functions)
    yield from plan_alarms(clients, settings, documents.alarms)
    yield from plan_machines(clients, settings, documents.machines)
    yield from plan_rules(clients, settings, documents.rules)


def _plan_code(clients: Clients, packages: Mapping[str, Package]) -> Iterator[Change]:
    s3 = clients("s3")
    for package in packages.values():
        missing = package.missing(s3)
        if missing:
            reason = f"{len(missing)} of {len(package.objects)} objects are not in the bucket"
            files = tuple(sorted(package.files))
            yield Change("create", CODE, package.name, reason, package, files)
        else:
            yield Change("no-op", CODE, package.name, "unchanged", package)
