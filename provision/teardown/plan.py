"""What `destroy` would do, read from AWS and said before anything is done.

The order is the order of deleting: nothing is to start any more, what runs ends, then what serves
goes, and last what all of it worked with. What proves that another thing is ours goes after it, so
that a destruction that was cut off is continued by the next. Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from provision.change import Change, Clients
from provision.teardown.ec2 import find_ec2, find_instances
from provision.teardown.events import find_alarms, find_queue, find_rules, find_topic
from provision.teardown.features import find_features
from provision.teardown.functions import find_functions
from provision.teardown.jobs import find_jobs, find_streams
from provision.teardown.logs import find_logs
from provision.teardown.machines import find_machines, find_pipeline
from provision.teardown.promotion import find_promotion
from provision.teardown.registry import find_registry
from provision.teardown.roles import find_roles
from provision.teardown.running import (
    find_machine_runs,
    find_pipeline_runs,
    find_running_jobs,
    list_executions,
)
from provision.teardown.serving import find_serving
from provision.teardown.storage import find_bucket, find_parameter, find_table
from settings import Settings


@dataclass(frozen=True)
class Scope:
    """Whether the bucket's content and the registered versions go too."""

    data: bool = False
    registry: bool = False


@dataclass(frozen=True)
class Destruction:
    """All that goes, in the order of deleting, and all that was found and stays."""

    changes: tuple[Change, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be stopped or deleted."""
        return all(change.kind == "keep" for change in self.changes)

    @property
    def kept(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.kind == "keep")

    def __str__(self) -> str:
        kinds = [change.kind for change in self.changes]
        counts = f"{kinds.count('stop')} to stop, {kinds.count('delete')} to delete"
        foot = f"{counts}, {kinds.count('keep')} kept"
        return "\n".join([*(str(change) for change in self.changes), foot])

    def as_dict(self) -> dict[str, Any]:
        """The plan for `--json`."""
        changes = [change.as_dict() for change in self.changes]
        return {"changes": changes, "is_empty": self.is_empty}


def plan_destruction(clients: Clients, settings: Settings, scope: Scope) -> Destruction:
    """Find all that is ours, and what stands beside it under such a name and is not."""
    machines, pipeline = [*find_machines(clients, settings)], find_pipeline(clients, settings)
    before = [
        *find_promotion(clients, settings),
        *find_rules(clients, settings),
        *_find_running(clients, machines, pipeline),
        *find_instances(clients, settings),
        *find_serving(clients, settings),
        *find_functions(clients, settings),
        *find_alarms(clients, settings),
        *machines,
        *([pipeline] if pipeline else []),
    ]
    others = {(change.resource, change.name) for change in before if change.kind == "keep"}
    return Destruction(
        (
            *before,
            *find_logs(clients, settings, others),
            *find_queue(clients, settings),
            *find_topic(clients, settings),
            *find_table(clients, settings),
            *find_parameter(clients, settings, others),
            *find_registry(clients, settings, registry=scope.registry, data=scope.data),
            *find_features(clients, settings, data=scope.data),
            *find_bucket(clients, settings, data=scope.data),
            *find_ec2(clients, settings),
            *find_roles(clients, settings),
        )
    )


def _find_running(
    clients: Clients, machines: list[Change], pipeline: Change | None
) -> Iterator[Change]:
    """What runs of that which is ours, and what it wrote."""
    for machine in machines:
        if machine.kind == "delete":
            yield from find_machine_runs(clients, machine.desired)
    if pipeline and pipeline.kind == "delete":
        yield from find_pipeline_runs(clients, pipeline.name)
        executions = [arn for arn, _ in list_executions(clients, pipeline.name)]
        jobs = find_jobs(clients, executions)
        yield from find_running_jobs(clients, jobs)
        yield from find_streams(clients, jobs)
