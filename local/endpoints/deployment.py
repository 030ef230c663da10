"""UpdateEndpoint's deployment configuration: how traffic shifts, read and checked once.

SageMaker's own default is to shift all traffic at once and to end the old fleet thereafter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.errors import validation_error

LONGEST = 86_400  # seconds an update may take where its request says nothing
SIZES = ("CAPACITY_PERCENT", "INSTANCE_COUNT")


@dataclass(frozen=True)
class Step:
    """Have the next fleet answer this share of the requests, then watch for so many seconds."""

    share: float
    seconds: float


@dataclass(frozen=True)
class Deployment:
    """How one update goes: its steps in order, its guards, its time limit in seconds.

    A rolling update replaces `batch` instances a step instead of running two whole fleets.
    """

    steps: tuple[Step, ...]
    alarms: tuple[str, ...]
    seconds: float
    batch: int = 0


def read_deployment(given: Mapping[str, Any] | None, instances: int) -> Deployment:
    """The deployment of an update to a fleet of `instances`; raises ApiError for what cannot be."""
    given = given or {}
    if "BlueGreenUpdatePolicy" in given and "RollingUpdatePolicy" in given:
        raise validation_error("Give one of BlueGreenUpdatePolicy and RollingUpdatePolicy.")
    rollback = given.get("AutoRollbackConfiguration") or {}
    alarms = tuple(alarm["AlarmName"] for alarm in rollback.get("Alarms", []))
    if rolling := given.get("RollingUpdatePolicy"):
        return _rolling(rolling, alarms, instances)
    return _blue_green(given.get("BlueGreenUpdatePolicy") or {}, alarms, instances)


def _blue_green(policy: Mapping[str, Any], alarms: tuple[str, ...], instances: int) -> Deployment:
    routing = policy.get("TrafficRoutingConfiguration") or {}
    termination = float(policy.get("TerminationWaitInSeconds", 0))
    kind, wait = routing.get("Type", "ALL_AT_ONCE"), float(routing.get("WaitIntervalInSeconds", 0))
    steps: list[Step] = []
    if kind == "CANARY":
        part = _instances(routing, "CanarySize", instances, kind)
        steps = [Step(part / instances, wait)]
    elif kind == "LINEAR":
        part = _instances(routing, "LinearStepSize", instances, kind)
        times = math.ceil(instances / part)
        steps = [Step(number * part / instances, wait) for number in range(1, times)]
    steps.append(Step(1.0, termination))
    limit = float(policy.get("MaximumExecutionTimeoutInSeconds", LONGEST))
    return Deployment(tuple(steps), alarms, limit)


def _rolling(policy: Mapping[str, Any], alarms: tuple[str, ...], instances: int) -> Deployment:
    size = policy["MaximumBatchSize"]
    batch = _counted(size, instances)
    _check_size("MaximumBatchSize", size, 5, 50, batch, instances)
    wait = float(policy["WaitIntervalInSeconds"])
    times = math.ceil(instances / batch)
    shares = [min(1.0, number * batch / instances) for number in range(1, times + 1)]
    limit = float(policy.get("MaximumExecutionTimeoutInSeconds", LONGEST))
    return Deployment(tuple(Step(share, wait) for share in shares), alarms, limit, batch)


def _instances(routing: Mapping[str, Any], key: str, instances: int, kind: str) -> int:
    """How many instances of the fleet a part is."""
    if key not in routing:
        raise validation_error(f"TrafficRoutingConfiguration of type {kind} needs {key}.")
    size = routing[key]
    part = _counted(size, instances)
    least = 10 if key == "LinearStepSize" else 1
    _check_size(key, size, least, 50, part, instances)
    return part


def _counted(size: Mapping[str, Any], instances: int) -> int:
    if size["Type"] == "INSTANCE_COUNT":
        return int(size["Value"])
    return max(1, math.ceil(instances * int(size["Value"]) / 100))


def _check_size(
    key: str, size: Mapping[str, Any], least: int, most: int, part: int, instances: int
) -> None:
    value, kind = size["Value"], size["Type"]
    if kind not in SIZES:
        raise validation_error(f"{key}.Type {kind} is none of {', '.join(SIZES)}.")
    if kind == "CAPACITY_PERCENT" and not least <= value <= most:
        raise validation_error(f"{key} of {value} percent is not within {least} and {most}.")
    if 2 * part > instances:
        raise validation_error(
            f"{key} of {part} of {instances} instances is more than half of the fleet."
        )
