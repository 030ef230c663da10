"""Carries a destruction out: in its order, again until nothing is found.

What somebody else has deleted meanwhile is deleted. What a run of a second ago still made, as a
deployment that was stopped, is found by the next look.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from errors import BreedlineError
from provision.alarms import RESOURCE as ALARM
from provision.alarms import apply_alarm
from provision.bucket import RESOURCE as BUCKET
from provision.change import Change, Clients
from provision.features import RESOURCE as FEATURE_GROUP
from provision.functions import RESOURCE as FUNCTION
from provision.groups import RESOURCE as GROUP
from provision.logs import RESOURCE as LOG_GROUP
from provision.machines import RESOURCE as MACHINE
from provision.pipelines import RESOURCE as PIPELINE
from provision.promotion import RESOURCE as PROMOTION
from provision.queues import RESOURCE as QUEUE
from provision.roles import RESOURCE as ROLE
from provision.rules import RESOURCE as RULE
from provision.rules import apply_rule
from provision.tables import RESOURCE as TABLE
from provision.teardown import (
    ec2,
    events,
    features,
    functions,
    jobs,
    logs,
    machines,
    promotion,
    registry,
    roles,
    running,
    serving,
    storage,
)
from provision.teardown.ownership import unless_gone
from provision.teardown.plan import Destruction, Scope, plan_destruction
from provision.topics import RESOURCE as TOPIC
from provision.waiting import patiently
from settings import Settings

ROUNDS = 3
_CARRY_OUT: dict[str, Callable[[Clients, Change], object]] = {
    PROMOTION: promotion.delete_promotion,
    RULE: apply_rule,
    running.MACHINE_RUN: running.stop_machine_run,
    running.PIPELINE_RUN: running.stop_pipeline_run,
    running.JOB: running.stop_running_job,
    ec2.INSTANCE: ec2.terminate_instance,
    jobs.LOG_STREAMS: jobs.delete_streams,
    serving.SCALING: serving.delete_scaling,
    serving.ENDPOINT: serving.delete_endpoint,
    serving.CONFIG: serving.delete_config,
    serving.MODEL: serving.delete_model,
    functions.PROVISIONED: functions.delete_provisioned,
    FUNCTION: functions.delete_function,
    ALARM: apply_alarm,
    MACHINE: machines.delete_machine,
    PIPELINE: machines.delete_pipeline,
    LOG_GROUP: logs.delete_logs,
    QUEUE: events.delete_queue,
    TOPIC: events.delete_topic,
    TABLE: storage.delete_table,
    storage.PARAMETER: storage.delete_parameter,
    registry.PACKAGE: registry.delete_package,
    GROUP: registry.delete_group,
    FEATURE_GROUP: features.delete_features,
    BUCKET: storage.delete_bucket,
    ec2.TEMPLATE: ec2.delete_template,
    ec2.SECURITY_GROUP: ec2.delete_security_group,
    ec2.PROFILE: ec2.delete_profile,
    ROLE: roles.delete_role,
}


def destroy(
    planned: Destruction,
    clients: Clients,
    settings: Settings,
    scope: Scope,
    report: Callable[[Change], None] | None = None,
) -> list[Change]:
    """Stop and delete what is planned, and what is then found; returns what was done.

    `report` hears of each change just before it is made. After a failure a second run goes on.

    Raises:
        BreedlineError: something comes back as often as it is deleted.
    """
    done: list[Change] = []
    for _ in range(ROUNDS):
        for change in planned.changes:
            if change.kind == "keep":
                continue
            if report:
                report(change)
            _carry_out(clients, change)
            done.append(change)
        planned = plan_destruction(clients, settings, scope)
        if planned.is_empty:
            return done
    left = next(change for change in planned.changes if change.kind != "keep")
    raise BreedlineError(
        f"The {left.resource} '{left.name}' is there again after it was deleted: somebody makes it "
        "anew, or AWS needs some time; run destroy again."
    )


def _carry_out(clients: Clients, change: Change) -> None:
    """The change, or nothing where somebody else was faster."""
    call = partial(_CARRY_OUT[change.resource], clients, change)
    unless_gone(partial(patiently, clients, call))
