"""Schedules that fire once are deleted afterwards, whoever holds the journal's turn."""

import threading
import time
from typing import cast

import pytest
from moto import mock_aws
from moto.scheduler.models import scheduler_backends

from local.clock import Clock
from local.events.bus import Events
from local.events.scheduled import listed
from local.events.schedules import Schedules

ACCOUNT, REGION = "123456789012", "eu-west-1"
MIDNIGHT = 1_800_000_000 - 1_800_000_000 % 86_400
PATIENCE = 30
TURN = 2.0  # seconds after which a request that waits for its turn is given up


class Room:
    """moto's own schedules on a clock that is put forward, and a client whose requests take turns.

    Stands for the event buses, too: what is delivered is written down.
    """

    def __init__(self, folder):
        self.moto = scheduler_backends[ACCOUNT][REGION]
        self.delivered, self.refused = [], []
        self.turn = threading.Lock()
        self.clock = Clock(lambda: float(MIDNIGHT))
        self.schedules = Schedules(
            listed(cast(Events, self), ACCOUNT), self.clock, folder / "schedules.json"
        )

    def deliver(self, delivery):
        self.delivered.append(delivery.target["Arn"])

    def client(self, service, region):
        assert (service, region) == ("scheduler", REGION)
        return self

    def delete_schedule(self, Name, GroupName):  # noqa: N803
        if not self.turn.acquire(timeout=TURN):
            self.refused.append(Name)
            return
        try:
            self.moto.delete_schedule(GroupName, Name)
        finally:
            self.turn.release()

    def put(self, name, minutes, after="DELETE"):
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(MIDNIGHT + minutes * 60))
        schedule = self.moto.create_schedule(
            description="",
            start_date=None,
            end_date=None,
            flexible_time_window={"Mode": "OFF"},
            group_name="default",
            kms_key_arn=None,
            name=name,
            schedule_expression=f"at({at})",
            schedule_expression_timezone="UTC",
            state="ENABLED",
            target={"Arn": f"arn:{name}"},
            action_after_completion=after,
        )
        self.schedules.look()
        return schedule

    def left(self):
        return set(self.moto.schedule_groups["default"].schedules)

    def until(self, found):
        ends = time.monotonic() + PATIENCE
        while not found():
            assert time.monotonic() < ends, "it did not come"
            time.sleep(0.01)


@pytest.fixture
def room(tmp_path):
    with mock_aws():
        yield Room(tmp_path)


def test_a_schedule_may_fire_within_a_request_that_has_the_turn(room):
    room.put("once", 1)
    with room.turn:  # as a request has it that puts another schedule
        room.clock.advance(61)
        assert room.delivered == ["arn:once"]
    room.until(lambda: room.left() == set())
    assert room.refused == []


def test_a_request_that_has_the_turn_does_not_wait_for_a_schedule_that_fires(room):
    room.put("once", 1)
    with room.turn:
        looking = threading.Thread(target=lambda: room.clock.advance(61))
        looking.start()
        room.until(lambda: room.delivered)
        room.schedules.look()
        looking.join()
    room.until(lambda: room.left() == set())
    assert room.refused == []


def test_what_keeps_itself_and_what_is_put_off_meanwhile_stay(room):
    room.put("kept", 1, after="NONE")
    room.put("first", 1)
    put_off = room.put("put-off", 1)
    room.put("last", 2)
    with room.turn:  # the first waits for it, and the others for the first
        room.clock.advance(61)
        put_off.schedule_expression = "at(2099-01-01T00:00:00)"
    room.clock.advance(60)
    room.until(lambda: "last" not in room.left())
    assert room.left() == {"kept", "put-off"}
