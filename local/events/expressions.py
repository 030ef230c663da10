"""Schedule expressions: `rate(5 minutes)`, `cron(0 3 ? * MON *)`, `at(2026-12-24T18:00:00)`."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local.events.cron import Cron, InvalidExpression, parse_cron

__all__ = ["InvalidExpression", "Schedule", "parse"]
UNITS = {"minute": 60, "hour": 3_600, "day": 86_400}
FORM = re.compile(r"(rate|cron|at)\((.*)\)")


class Schedule(Protocol):
    """When something falls due. Times are seconds since the epoch."""

    def after(self, moment: float, anchor: float) -> float | None:
        """The first time later than `moment`; rates count from `anchor`. None for never again."""


@dataclass(frozen=True)
class _Rate:
    seconds: int

    def after(self, moment: float, anchor: float) -> float | None:
        periods = max(0, int((moment - anchor) // self.seconds)) + 1
        return anchor + periods * self.seconds


@dataclass(frozen=True)
class _Calendar:
    cron: Cron

    def after(self, moment: float, anchor: float) -> float | None:
        return self.cron.after(moment)


@dataclass(frozen=True)
class _Once:
    moment: float

    def after(self, moment: float, anchor: float) -> float | None:
        return self.moment if self.moment > moment else None


@functools.lru_cache(maxsize=1024)
def parse(expression: str, zone: str = "UTC") -> Schedule:
    """Raises InvalidExpression with one sentence. `at` is for EventBridge Scheduler alone."""
    match = FORM.fullmatch(expression.strip())
    if match is None:
        raise InvalidExpression(f"'{expression}' is none of rate(…), cron(…) and at(…).")
    form, inside = match[1], match[2].strip()
    place = _zone(zone)
    if form == "rate":
        return _rate(inside)
    return _Calendar(parse_cron(inside, place)) if form == "cron" else _once(inside, place)


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return timezone.utc  # also on a system without a table of time zones
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidExpression(f"There is no time zone '{name}'.") from error


def _rate(text: str) -> Schedule:
    match = re.fullmatch(r"([1-9]\d*)\s+(minute|hour|day)(s?)", text)
    if match is None:
        raise InvalidExpression(
            f"'rate({text})' is not a positive number and minute(s), hour(s) or day(s)."
        )
    number, unit, plural = int(match[1]), match[2], bool(match[3])
    if plural != (number > 1):
        raise InvalidExpression(f"Write rate(1 {unit}) and rate(2 {unit}s), not rate({text}).")
    return _Rate(number * UNITS[unit])


def _once(text: str, zone: tzinfo) -> Schedule:
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S")
    except ValueError as error:
        raise InvalidExpression(f"'at({text})' is not at(yyyy-mm-ddThh:mm:ss).") from error
    return _Once(moment.replace(tzinfo=zone).timestamp())
