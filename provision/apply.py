"""Carries a plan out through boto3: the one place where provisioning has effects."""

from __future__ import annotations

from collections.abc import Callable

from provision import bucket, groups, pipelines
from provision.change import Change, Clients, Result
from provision.packages import Package
from provision.plan import CODE, Plan


def _apply_code(clients: Clients, change: Change) -> str:
    package: Package = change.desired
    package.upload(clients.s3)
    return package.uri


_APPLY: dict[str, Callable[[Clients, Change], str]] = {
    bucket.RESOURCE: bucket.apply_bucket,
    CODE: _apply_code,
    groups.RESOURCE: groups.apply_group,
    pipelines.RESOURCE: pipelines.apply_pipeline,
}


def apply(
    plan: Plan, clients: Clients, report: Callable[[Change], None] | None = None
) -> list[Result]:
    """Apply the changes in order and return what each one made; no-ops are left alone.

    `report` hears of each change just before it is made. A failure leaves the changes before it in
    place; the next plan begins there.
    """
    results = []
    for change in plan.changes:
        if change.kind == "no-op":
            continue
        if report:
            report(change)
        results.append(Result(change, _APPLY[change.resource](clients, change)))
    return results
