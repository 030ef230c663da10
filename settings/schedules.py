"""What a schedule may look like: AWS's `rate(…)` and its `cron(…)` of six fields.

A wrong one would be found by EventBridge during `upsert` at the earliest; one of a planned scaling
action by the deployment that puts it, which then goes all its way back.
"""

from __future__ import annotations

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
RATE = r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)"


def _field(value: str) -> str:
    """A list of values, ranges and steps of one field."""
    item = rf"(\*|({value})(-({value}))?)(/\d+)?"
    return rf"{item}(,{item})*"


def _cron() -> str:
    minute, hour = _field(r"[0-5]?\d"), _field(r"[01]?\d|2[0-3]")
    date = r"0?[1-9]|[12]\d|3[01]"
    month_day = rf"({_field(date)}|L|({date})W)"
    month = _field(rf"0?[1-9]|1[0-2]|{'|'.join(MONTHS)}")
    day = rf"[1-7]|{'|'.join(DAYS)}"
    weekday = rf"({_field(day)}|L|({day})L|({day})#[1-5])"
    year = _field(r"19[7-9]\d|2[01]\d\d")
    # One of the two kinds of day is a question mark, the other is not.
    days = rf"({month_day} +({month}) +\?|\? +({month}) +{weekday})"
    return rf"cron\((?i:({minute}) +({hour}) +{days} +({year}))\)"


SCHEDULE = rf"({RATE}|{_cron()})?"
