"""Schedules fire on time, once after a gap, and go on in step after a restart."""

import json

import pytest

from local.clock import Clock
from local.events.schedules import Scheduled, Schedules

MIDNIGHT = 1_800_000_000 - 1_800_000_000 % 86_400  # seconds since the epoch


class Wall:
    """A wall clock that a test sets."""

    def __init__(self):
        self.now = float(MIDNIGHT)

    def __call__(self):
        return self.now


class Room:
    """Schedules on a clock of the test's own; `fired` has (name, minutes after midnight)."""

    def __init__(self, folder):
        self.folder = folder
        self.wall = Wall()
        self.fired = []
        self.listed = {}
        self.restart()

    def restart(self):
        self.clock = Clock(self.wall)
        self.schedules = Schedules(
            lambda: list(self.listed.values()), self.clock, self.folder / "schedules.json"
        )
        self.schedules.look()

    def put(self, name, expression, **more):
        def fire(due):
            self.fired.append((name, (due - MIDNIGHT) / 60))

        self.listed[name] = Scheduled(name, expression, fire, **more)
        self.schedules.look()

    def at(self, minutes):
        self.wall.now = MIDNIGHT + minutes * 60
        self.schedules.look()


@pytest.fixture
def room(tmp_path):
    return Room(tmp_path)


def test_a_rate_fires_after_each_period(room):
    room.put("r", "rate(5 minutes)")
    for minute in range(12):
        room.at(minute)
    assert room.fired == [("r", 5), ("r", 10)]


def test_a_calendar_fires_when_its_time_comes(room):
    room.put("c", "cron(30 1 * * ? *)")
    for hour in range(48):
        room.at(hour * 60 + 29)
        room.at(hour * 60 + 30)
        room.at(hour * 60 + 31)
    assert room.fired == [("c", 90), ("c", 90 + 24 * 60)]


def test_what_fell_due_often_while_the_computer_slept_fires_once(room):
    room.put("r", "rate(1 minute)")
    room.at(600)
    room.at(600.5)
    assert room.fired == [("r", 1)]
    room.at(601)
    assert room.fired == [("r", 1), ("r", 601)]


def test_advancing_the_clock_fires_what_falls_due(room):
    room.put("nightly", "cron(0 3 * * ? *)")
    room.put("weekly", "rate(7 days)")
    room.clock.advance(4 * 3600)
    assert room.fired == [("nightly", 180)]
    room.clock.advance(7 * 86_400)
    assert room.fired == [("nightly", 180), ("nightly", 180 + 1440), ("weekly", 7 * 1440)]


def test_a_restart_neither_fires_what_was_missed_nor_loses_step(room):
    room.put("r", "rate(60 minutes)")
    room.wall.now += 150 * 60
    room.restart()
    assert room.fired == []
    room.at(179)
    assert room.fired == []
    room.at(180)
    assert room.fired == [("r", 180)]


def test_a_clock_that_was_ahead_before_a_restart_stops_nothing(room):
    room.clock.advance(30 * 86_400)
    room.put("r", "rate(10 minutes)")
    room.restart()
    room.at(10)
    assert room.fired == [("r", 10)]


def test_a_changed_rate_counts_anew(room):
    room.put("r", "rate(10 minutes)")
    room.at(5)
    room.put("r", "rate(7 minutes)")
    for minute in range(6, 13):
        room.at(minute)
    assert room.fired == [("r", 12)]


def test_a_disabled_schedule_does_not_fire_and_counts_anew_when_enabled(room):
    room.put("r", "rate(10 minutes)")
    kept = room.listed.pop("r")
    room.at(25)
    room.listed["r"] = kept
    room.at(26)
    room.at(35)
    assert room.fired == []
    room.at(36)
    assert room.fired == [("r", 36)]


def test_a_start_and_an_end_are_kept_to(room):
    room.put("r", "rate(10 minutes)", start=MIDNIGHT + 600.0, end=MIDNIGHT + 1500.0)
    for minute in range(60):
        room.at(minute)
    assert room.fired == [("r", 10), ("r", 20)]


def test_one_that_fails_keeps_no_other_from_firing(room):
    def fail(due):
        raise OSError("no")

    room.listed["broken"] = Scheduled("broken", "rate(1 minute)", fail)
    room.put("r", "rate(1 minute)")
    room.at(1)
    room.at(2)
    assert room.fired == [("r", 1), ("r", 2)]


def test_the_file_of_anchors_may_be_broken(room):
    (room.folder / "schedules.json").write_text("{")
    room.put("r", "rate(1 minute)")
    room.restart()
    room.at(1)
    assert room.fired == [("r", 1)]
    assert json.loads((room.folder / "schedules.json").read_text())


def test_the_clock_goes_forward_only():
    with pytest.raises(ValueError, match="forward"):
        Clock().advance(-1)
