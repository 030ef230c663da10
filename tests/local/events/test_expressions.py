"""Schedule expressions fall due when AWS says so."""

from datetime import datetime, timezone

import pytest

from local.events.expressions import InvalidExpression, parse


def seconds(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


def following(expression, start, number=3, zone="UTC"):
    """The next times after `start`, in UTC."""
    schedule, moment, found = parse(expression, zone), seconds(start), []
    for _ in range(number):
        due = schedule.after(moment, seconds(start))
        if due is None:
            break
        found.append(datetime.fromtimestamp(due, timezone.utc).strftime("%Y-%m-%d %H:%M"))
        moment = due
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(0 10 * * ? *)", ["2026-11-24 10:00", "2026-11-25 10:00", "2026-11-26 10:00"]),
        ("cron(15 12 * * ? *)", ["2026-11-24 12:15", "2026-11-25 12:15", "2026-11-26 12:15"]),
        ("cron(0 18 ? * MON-FRI *)", ["2026-11-24 18:00", "2026-11-25 18:00", "2026-11-26 18:00"]),
        ("cron(0 8 1 * ? *)", ["2026-12-01 08:00", "2027-01-01 08:00", "2027-02-01 08:00"]),
        ("cron(0/15 * * * ? *)", ["2026-11-24 01:00", "2026-11-24 01:15", "2026-11-24 01:30"]),
        (
            "cron(0/5 8-17 ? * MON-FRI *)",
            ["2026-11-24 08:00", "2026-11-24 08:05", "2026-11-24 08:10"],
        ),
        ("cron(0 3 ? * 1 *)", ["2026-11-29 03:00", "2026-12-06 03:00", "2026-12-13 03:00"]),
        ("cron(0 9 ? * 2#1 *)", ["2026-12-07 09:00", "2027-01-04 09:00", "2027-02-01 09:00"]),
        ("cron(0 9 L * ? *)", ["2026-11-30 09:00", "2026-12-31 09:00", "2027-01-31 09:00"]),
        ("cron(0 9 ? * 6L *)", ["2026-11-27 09:00", "2026-12-25 09:00", "2027-01-29 09:00"]),
        ("cron(0 9 ? * L *)", ["2026-11-28 09:00", "2026-12-05 09:00", "2026-12-12 09:00"]),
        ("cron(0 9 1W * ? *)", ["2026-12-01 09:00", "2027-01-01 09:00", "2027-02-01 09:00"]),
        ("cron(0 9 15W * ? *)", ["2026-12-15 09:00", "2027-01-15 09:00", "2027-02-15 09:00"]),
        ("cron(0 9 31W * ? *)", ["2026-12-31 09:00", "2027-01-29 09:00", "2027-03-31 09:00"]),
        ("cron(0 0 29 FEB ? *)", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
        ("cron(0 0 1 JAN ? 2027-2028)", ["2027-01-01 00:00", "2028-01-01 00:00"]),
        ("cron(0 0 1 1 ? 2020)", []),
        ("cron(0 0 ? * FRI-MON *)", ["2026-11-27 00:00", "2026-11-28 00:00", "2026-11-29 00:00"]),
        ("rate(5 minutes)", ["2026-11-24 00:50", "2026-11-24 00:55", "2026-11-24 01:00"]),
        ("rate(1 day)", ["2026-11-25 00:45", "2026-11-26 00:45", "2026-11-27 00:45"]),
        ("at(2026-11-24T00:46:00)", ["2026-11-24 00:46"]),
        ("at(2026-11-24T00:44:00)", []),
    ],
)
def test_it_falls_due(expression, expected):
    assert following(expression, "2026-11-24T00:45:00") == expected


def test_a_rate_keeps_its_phase():
    schedule = parse("rate(7 days)")
    anchor = seconds("2026-11-01T03:00:00")
    due = schedule.after(seconds("2026-11-24T00:00:00"), anchor)
    assert due == seconds("2026-11-29T03:00:00")


def test_a_time_zone_moves_with_its_summer_time():
    found = following("cron(0 3 * * ? *)", "2026-03-28T00:00:00", 2, "Europe/Berlin")
    assert found == ["2026-03-28 02:00", "2026-03-29 01:00"]


def test_an_hour_that_summer_time_leaves_out_is_left_out():
    found = following("cron(30 2 * * ? *)", "2026-03-28T12:00:00", 2, "Europe/Berlin")
    assert found == ["2026-03-30 00:30", "2026-03-31 00:30"]


def test_an_hour_that_comes_twice_fires_once():
    found = following("cron(30 2 * * ? *)", "2026-10-24T12:00:00", 2, "Europe/Berlin")
    assert found == ["2026-10-25 00:30", "2026-10-26 01:30"]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("every day", "none of rate"),
        ("rate(0 minutes)", "not a positive number"),
        ("rate(1 minutes)", r"Write rate\(1 minute\)"),
        ("rate(5 minute)", "rate"),
        ("rate(5 weeks)", "not a positive number"),
        ("cron(0 10 * * ?)", "six fields"),
        ("cron(0 10 * * * *)", "must be '\\?'"),
        ("cron(0 10 ? * ? *)", "must be '\\?'"),
        ("cron(60 10 * * ? *)", "minutes 60"),
        ("cron(0 24 * * ? *)", "hours 24"),
        ("cron(0 0 32 * ? *)", "day-of-month 32"),
        ("cron(0 0 ? * 8 *)", "day-of-week 8"),
        ("cron(0 0 ? * 2#6 *)", "not between 1 and 5"),
        ("cron(0 0 LW * ? *)", "day-of-month"),
        ("cron(0/0 0 * * ? *)", "step"),
        ("at(tomorrow)", "at"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(expression, reason):
    with pytest.raises(InvalidExpression, match=reason):
        parse(expression)


def test_an_unknown_time_zone_is_refused():
    with pytest.raises(InvalidExpression, match="no time zone"):
        parse("rate(1 day)", "Europe/Atlantis")
