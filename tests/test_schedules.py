"""A schedule that the settings take is one that EventBridge understands."""

from __future__ import annotations

import re

import pytest

from local.events.expressions import InvalidExpression, parse
from settings.schedules import SCHEDULE

GOOD = (
    *("rate(1 day)", "rate(5 minutes)", "rate(12 hours)", "cron(0 3 ? * SUN *)"),
    *("cron(0 20 * * ? *)", "cron(0/15 8-18 ? * MON-FRI *)", "cron(0 0 L * ? *)"),
    *("cron(0 0 15W * ? *)", "cron(0 0 ? 1,6-8 6L 2026-2030)", "cron(0 0 ? JAN 2#1 *)"),
)
BAD = (
    *("rate(1 days)", "rate(5 minute)", "rate(0 days)", "rate(1 week)", "rate(-1 days)"),
    *("cron(whatever)", "cron(0 3 * * *)", "cron(0 3 * * * *)", "cron(0 3 ? * ? *)"),
    *("cron(60 3 ? * SUN *)", "cron(0 24 ? * SUN *)", "cron(0 3 32 * ? *)", "cron(0 3 ? 13 1 *)"),
    *("cron(0 3 ? * 8 *)", "cron(0 3 ? * 2#6 *)", "cron(0 3 ? * SUN 1969)", "at(2026-12-24)"),
    *("every day", "cron(0 3 ? * SUN *"),
)


@pytest.mark.parametrize("expression", GOOD)
def test_what_is_taken_is_understood(expression):
    assert re.fullmatch(SCHEDULE, expression)
    assert parse(expression, "UTC").after(0.0, 0.0) is not None


@pytest.mark.parametrize("expression", BAD)
def test_what_would_be_refused_later_is_refused_at_once(expression):
    assert not re.fullmatch(SCHEDULE, expression)
    if not expression.startswith("at("):
        with pytest.raises(InvalidExpression):
            parse(expression, "UTC")
