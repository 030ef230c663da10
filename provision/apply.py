"""Carries a plan out through boto3: the one place where provisioning has effects."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from provision import (
    alarms,
    bucket,
    features,
    functions,
    groups,
    logs,
    machines,
    pipelines,
    promotion,
    queues,
    roles,
    rules,
    tables,
    topics,
)
from provision.change import Change, Clients, Result
from provision.packages import Package
from provision.plan import CODE, Plan
from provision.waiting import patiently


def _apply_code(clients: Clients, change: Change) -> str:
    package: Package = change.desired
    package.upload(clients("s3"))
    return package.uri


_APPLY: dict[str, Callable[[Clients, Change], str]] = {
    roles.RESOURCE: roles.apply_role,
    bucket.RESOURCE: bucket.apply_bucket,
    CODE: _apply_code,
    groups.RESOURCE: groups.apply_group,
    features.RESOURCE: features.apply_features,
    promotion.RESOURCE: promotion.apply_promotion,
    pipelines.RESOURCE: pipelines.apply_pipeline,
    tables.RESOURCE: tables.apply_table,
    topics.RESOURCE: topics.apply_topic,
    queues.RESOURCE: queues.apply_queue,
    logs.RESOURCE: logs.apply_logs,
    functions.RESOURCE: functions.apply_function,
    alarms.RESOURCE: alarms.apply_alarm,
    machines.RESOURCE: machines.apply_machine,
    rules.RESOURCE: rules.apply_rule,
}


def apply(
    plan: Plan, clients: Clients, report: Callable[[Change], None] | None = None
) -> list[Result]:
    """Apply the changes in order and return what each one made; no-ops are left alone.

    Whatever a change says, applying it ends in the resource as desired: it may be tried again, and
    somebody else may have made it meanwhile.

    `report` hears of each change just before it is made. A failure leaves the changes before it in
    place; the next plan begins there.
    """
    results = []
    for change in plan.changes:
        if change.kind == "no-op":
            continue
        if report:
            report(change)
        results.append(
            Result(change, patiently(clients, partial(_APPLY[change.resource], clients, change)))
        )
    return results
