"""Autoscaling of the endpoint as the commands show it, and its suspension for a measurement."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from commands.output import say
from commands.session import Session
from statemachine.names import VARIANT, Names

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
DYNAMIC = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended")


def read_scaling(session: Session) -> dict[str, Any] | None:
    """The limits, the target and the alarms of the endpoint's scaling; None without any."""
    client, scaled = session.client("application-autoscaling"), _scaled(session)
    target = _target(client, scaled)
    if target is None:
        return None
    policies = client.describe_scaling_policies(
        **{key: scaled[key] for key in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
    )["ScalingPolicies"]
    tracked = [p.get("TargetTrackingScalingPolicyConfiguration", {}) for p in policies]
    return {
        "min_capacity": target["MinCapacity"],
        "max_capacity": target["MaxCapacity"],
        "target": next((t["TargetValue"] for t in tracked if "TargetValue" in t), None),
        "suspended": sorted(
            kind for kind, suspended in target.get("SuspendedState", {}).items() if suspended
        ),
        "alarms": [alarm["AlarmName"] for p in policies for alarm in p.get("Alarms", [])],
    }


def describe_scaling(scaling: dict[str, Any]) -> str:
    """Limits and target, in a line."""
    line = f"  scales from {scaling['min_capacity']} to {scaling['max_capacity']} instances"
    if scaling["target"] is not None:
        line += f", tracked to {scaling['target']:g}"
    return f"{line}; suspended: {', '.join(scaling['suspended'])}" if scaling["suspended"] else line


@contextmanager
def dynamic_scaling_suspended(session: Session) -> Iterator[None]:
    """Inside, load adds and removes no instances; afterwards it is as it was before.

    The calendar goes on: a scheduled action that falls due while suspended would be lost.
    """
    client, scaled = session.client("application-autoscaling"), _scaled(session)
    target = _target(client, scaled)
    if target is None:
        yield
        return
    state = {"ScheduledScalingSuspended": False} | dict.fromkeys(DYNAMIC, False)
    before = state | target.get("SuspendedState", {})
    say("Dynamic scaling of the endpoint is suspended while this runs; `status` shows it.")
    client.register_scalable_target(**scaled, SuspendedState=before | dict.fromkeys(DYNAMIC, True))
    earlier = signal.signal(signal.SIGTERM, _leave)  # which would skip what stands below
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)
        client.register_scalable_target(**scaled, SuspendedState=before)
        say("Dynamic scaling is as it was before.")


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _target(client: Any, scaled: dict[str, str]) -> dict[str, Any] | None:
    found = client.describe_scalable_targets(
        ServiceNamespace=scaled["ServiceNamespace"],
        ResourceIds=[scaled["ResourceId"]],
        ScalableDimension=scaled["ScalableDimension"],
    )["ScalableTargets"]
    return found[0] if found else None


def _scaled(session: Session) -> dict[str, str]:
    """What Application Auto Scaling calls the endpoint's instances."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{Names(session.settings).endpoint}/variant/{VARIANT}",
        "ScalableDimension": DIMENSION,
    }
