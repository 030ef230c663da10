"""What state alarms are in, for services that are guarded by them."""

from __future__ import annotations

from collections.abc import Sequence

from moto.cloudwatch.models import cloudwatch_backends

from local.alarms.evaluation import ALARM


def missing(account: str, region: str, names: Sequence[str]) -> list[str]:
    """The names that no alarm has."""
    alarms = cloudwatch_backends[account][region].alarms
    return [name for name in names if name not in alarms]


def ringing(account: str, region: str, names: Sequence[str]) -> list[str]:
    """Those of the named alarms that are in ALARM."""
    alarms = cloudwatch_backends[account][region].alarms
    return [n for n in names if n in alarms and alarms[n].state_value == ALARM]
