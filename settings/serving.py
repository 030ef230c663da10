"""The sections that describe serving: endpoint, rollout, scaling, functions, alarms, triggers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from settings.checks import many, within
from settings.types import (
    CHECKED,
    FROZEN,
    Count,
    Email,
    EndpointName,
    Fraction,
    Host,
    InstanceType,
    Memory,
    Minutes15,
    Name,
    ObjectName,
    Schedule,
)


@dataclass(frozen=True, config=CHECKED)
class Endpoint:
    """What answers requests: a fleet of instances, serverless, or asynchronous."""

    name: EndpointName = ""  # empty: the pipeline's name
    kind: Literal["real-time", "serverless", "asynchronous"] = "real-time"
    instance_type: InstanceType = "ml.m5.large"
    instance_count: Annotated[int, within(1, 100)] = 2
    startup_seconds: Annotated[int, within(60, 3_600)] = 600
    serverless_memory_mb: Literal[1024, 2048, 3072, 4096, 5120, 6144] = 4096
    serverless_concurrency: Annotated[int, within(1, 200)] = 10
    asynchronous_concurrency: Annotated[int, within(1, 1_000)] = 4
    capture_percent: Annotated[int, within(0, 100)] = 100
    url_allow_list: Annotated[tuple[Host, ...], many(100, "host names")] = ()


@dataclass(frozen=True, config=CHECKED)
class Rollout:
    """How a new version takes over: blue/green with a canary, watched by alarms."""

    canary_percent: Annotated[int, within(5, 50)] = 10
    canary_wait_seconds: Annotated[int, within(0, 3_600)] = 300
    bake_seconds: Annotated[int, within(0, 3_600)] = 300
    max_seconds: Annotated[int, within(600, 28_800)] = 3_600
    poll_seconds: Annotated[int, within(1, 300)] = 15


@dataclass(frozen=True, config=CHECKED)
class ScheduledCapacity:
    """Other limits of the fleet from a point in time on."""

    schedule: Schedule
    min_capacity: Annotated[int, within(0, 100)]
    max_capacity: Annotated[int, within(1, 100)]


@dataclass(frozen=True, config=CHECKED)
class Scaling:
    """Target tracking on invocations per instance and minute."""

    min_capacity: Annotated[int, within(0, 100)] = 2
    max_capacity: Annotated[int, within(1, 100)] = 4
    # From `settings`, or `measured`: what `definitions.py capacity --save` found.
    target_from: Literal["settings", "measured"] = "settings"
    invocations_per_minute: Annotated[float, within(0.1, 1e6)] = 100.0
    scale_out_cooldown_seconds: Annotated[int, within(0, 3_600)] = 60
    scale_in_cooldown_seconds: Annotated[int, within(0, 3_600)] = 300
    scheduled: Annotated[
        Mapping[Name, ScheduledCapacity], FROZEN, Field(description="a table of schedules")
    ] = Field(default={}, validate_default=True)


@dataclass(frozen=True, config=CHECKED)
class Function:
    """The Lambda function in front of the endpoint."""

    memory_mb: Memory = 512
    timeout_seconds: Minutes15 = 28  # API Gateway gives up after 29
    reserved_concurrency: Annotated[int, within(1, 1_000)] = 50
    provisioned_concurrency: Count = 1
    max_request_bytes: Annotated[int, within(1_024, 6_000_000)] = 4_500_000


@dataclass(frozen=True, config=CHECKED)
class Smoke:
    """The smoke tests of a deployed version."""

    samples: Annotated[int, within(1, 100)] = 8
    min_correct_fraction: Fraction = 1.0
    latency_budget_ms: Annotated[int, within(1, 60_000)] = 2_000
    timeout_seconds: Minutes15 = 120


@dataclass(frozen=True, config=CHECKED)
class Alarms:
    """What the alarms hold the endpoint to; the rollout's guards are three of them."""

    period_seconds: Annotated[int, within(10, 86_400)] = 60
    evaluation_periods: Annotated[int, within(1, 100)] = 1
    max_errors: Count = 0  # 5xx answers, and the model's own errors, of a period
    latency_p90_ms: Annotated[int, within(1, 60_000)] = 1_000
    min_confidence: Fraction = 0.0  # mean probability of the answers; 0: no drift alarm
    drift_period_seconds: Annotated[int, within(10, 86_400)] = 3_600
    drift_periods: Annotated[int, within(1, 100)] = 3
    emails: Annotated[tuple[Email, ...], many(20, "e-mail addresses")] = ()


@dataclass(frozen=True, config=CHECKED)
class Triggers:
    """What starts a deployment or a retraining by itself."""

    deploy_on_approval: Annotated[bool, Field(strict=True, description="true or false")] = True
    retrain_on_data: Annotated[bool, Field(strict=True, description="true or false")] = True
    retrain_on_drift: Annotated[bool, Field(strict=True, description="true or false")] = True
    retrain_schedule: Schedule = ""
    data_prefix: Name = "data"
    marker: ObjectName = "_READY"
    max_event_age_seconds: Annotated[int, within(60, 86_400)] = 3_600
    max_event_retries: Annotated[int, within(0, 185)] = 8
