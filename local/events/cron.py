"""AWS's cron expressions: six fields, `minutes hours day-of-month month day-of-week year`.

No library reads this dialect (a year, `?`, `L`, `W` and `#`, Sunday as 1), so it is read here:
each field becomes the set of its numbers, and the days of the calendar are walked in order.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo

MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
WEEKDAYS = {name: n for n, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
LAST_YEAR = 2199
RANGE = re.compile(r"(?P<first>\w+|\*)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?")
DayTest = Callable[[date], bool]


class InvalidExpression(ValueError):
    """The expression cannot be meant; the message is one sentence."""


@dataclass(frozen=True)
class Cron:
    """A compiled expression, in a time zone."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    years: frozenset[int]
    is_day: DayTest
    zone: tzinfo

    def after(self, moment: float) -> float | None:
        """The first time (seconds since the epoch) later than `moment`; None for never again.

        An hour that the summer time leaves out does not fire; one that it repeats fires once.
        """
        local = datetime.fromtimestamp(moment, self.zone)
        for wall in self._times(local.date()):
            absolute = wall.replace(tzinfo=self.zone)
            seconds = absolute.timestamp()
            if seconds > moment and _exists(absolute, self.zone):
                return seconds
        return None

    def _times(self, first: date) -> Iterator[datetime]:
        for day in self._days(first):
            for hour in self.hours:
                for minute in self.minutes:
                    yield datetime.combine(day, time(hour, minute))

    def _days(self, first: date) -> Iterator[date]:
        day = first
        while day.year <= LAST_YEAR:
            if day.year not in self.years:
                day = date(day.year + 1, 1, 1)
            elif day.month not in self.months:
                day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
            else:
                if self.is_day(day):
                    yield day
                day += timedelta(days=1)


def _exists(moment: datetime, zone: tzinfo) -> bool:
    there = moment.astimezone(timezone.utc).astimezone(zone)
    return there.replace(tzinfo=None) == moment.replace(tzinfo=None)


def parse_cron(fields: str, zone: tzinfo) -> Cron:
    """What stands between the brackets of `cron(…)`; raises InvalidExpression."""
    parts = fields.upper().split()
    if len(parts) != 6:
        raise InvalidExpression(f"A cron expression has six fields, '{fields}' has {len(parts)}.")
    minutes, hours, day, month, weekday, year = parts
    return Cron(
        minutes=tuple(sorted(_numbers("minutes", minutes, 0, 59))),
        hours=tuple(sorted(_numbers("hours", hours, 0, 23))),
        months=frozenset(_numbers("month", month, 1, 12, MONTHS)),
        years=frozenset(_numbers("year", year, 1970, LAST_YEAR)),
        is_day=_day_test(day, weekday),
        zone=zone,
    )


def _day_test(day: str, weekday: str) -> DayTest:
    if (day == "?") == (weekday == "?"):
        raise InvalidExpression(
            "One of day-of-month and day-of-week must be '?', and the other must not."
        )
    return _weekday_test(weekday) if day == "?" else _month_day_test(day)


def _month_day_test(text: str) -> DayTest:
    if text == "L":
        return lambda day: day.day == _length(day)
    if match := re.fullmatch(r"(\d+)W", text):
        wanted = _within("day-of-month", int(match[1]), 1, 31)
        return lambda day: day == _nearest_weekday(day, wanted)
    days = _numbers("day-of-month", text, 1, 31)
    return lambda day: day.day in days


def _nearest_weekday(day: date, wanted: int) -> date | None:
    """The working day closest to a day of the month, within the same month."""
    if wanted > _length(day):
        return None
    target = day.replace(day=wanted)
    if target.weekday() == 5:  # Saturday
        return target - timedelta(days=1) if wanted > 1 else target + timedelta(days=2)
    if target.weekday() == 6:
        last = wanted == _length(day)
        return target - timedelta(days=2) if last else target + timedelta(days=1)
    return target


def _weekday_test(text: str) -> DayTest:
    if match := re.fullmatch(r"(\w+)#(\d)", text):
        weekday, nth = _value("day-of-week", match[1], 1, 7, WEEKDAYS), int(match[2])
        _within("day-of-week", nth, 1, 5)
        return lambda day: _aws_weekday(day) == weekday and (day.day - 1) // 7 + 1 == nth
    if text != "L" and (match := re.fullmatch(r"(\w+)L", text)):
        weekday = _value("day-of-week", match[1], 1, 7, WEEKDAYS)
        return lambda day: _aws_weekday(day) == weekday and day.day > _length(day) - 7
    weekdays = _numbers("day-of-week", "7" if text == "L" else text, 1, 7, WEEKDAYS)
    return lambda day: _aws_weekday(day) in weekdays


def _aws_weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1  # Sunday is 1


def _length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _numbers(
    field: str, text: str, low: int, high: int, names: Mapping[str, int] | None = None
) -> set[int]:
    found: set[int] = set()
    for item in text.split(","):
        match = RANGE.fullmatch(item)
        if match is None:
            raise InvalidExpression(f"'{text}' is no {field} of a cron expression.")
        found.update(_range(field, match, low, high, names or {}))
    return found


def _range(
    field: str, match: re.Match[str], low: int, high: int, names: Mapping[str, int]
) -> list[int]:
    step = int(match["step"] or 1)
    if step < 1:
        raise InvalidExpression(f"The step in '{match[0]}' must be 1 or more.")
    if match["first"] == "*":
        return list(range(low, high + 1, step))
    first = _value(field, match["first"], low, high, names)
    if not match["last"]:
        return list(range(first, high + 1, step)) if match["step"] else [first]
    last = _value(field, match["last"], low, high, names)
    if first <= last:
        return list(range(first, last + 1, step))
    around = [*range(first, high + 1), *range(low, last + 1)]  # FRI-MON, 22-2
    return around[::step]


def _value(field: str, text: str, low: int, high: int, names: Mapping[str, int]) -> int:
    if text in names:
        return names[text]
    if not text.isdecimal():
        raise InvalidExpression(f"'{text}' is no {field} of a cron expression.")
    return _within(field, int(text), low, high)


def _within(field: str, number: int, low: int, high: int) -> int:
    if not low <= number <= high:
        raise InvalidExpression(f"The {field} {number} is not between {low} and {high}.")
    return number
