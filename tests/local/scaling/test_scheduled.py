"""Scheduled actions: limits that change by the calendar, and instances that follow them."""

import pytest

from local.errors import ApiError

START = 1_800_000_000  # Friday, 15 January 2027, 08:00 UTC
HOUR = 3600


def put(world, name="evening", schedule="at(2027-01-15T18:00:00)", **more):
    action = {"MinCapacity": 3, "MaxCapacity": 6}
    request = {"Schedule": schedule, "ScalableTargetAction": action, **more}
    world.ask("PutScheduledAction", ScheduledActionName=name, **request)


def advance(world, hours):
    world.scaling._schedules.look()
    world.clock.advance(hours * HOUR)
    world.run(10)


def limits(world):
    target = world.target()
    return target["MinCapacity"], target["MaxCapacity"]


def test_an_action_sets_the_limits_and_the_instances_follow(world):
    world.register(1, 2)
    put(world)
    advance(world, 9)
    assert (limits(world), world.endpoints.count) == ((1, 2), 1)
    advance(world, 1)
    assert (limits(world), world.endpoints.count) == ((3, 6), 3)
    second, first = world.activities()
    assert first["Description"] == "Setting min capacity to 3 and max capacity to 6"
    assert first["Cause"] == "scheduled action name evening was triggered"
    assert second["Cause"] == "minimum capacity was set to 3"


@pytest.mark.parametrize(
    ("schedule", "more", "hours"),
    [
        ("rate(2 hours)", {}, 2),
        ("cron(30 10 * * ? *)", {}, 2.5),
        ("cron(0 18 * * ? *)", {"Timezone": "Asia/Tokyo"}, 1),
        ("at(2027-01-15T18:00:00)", {"Timezone": "Asia/Tokyo"}, 1),
        ("rate(1 hour)", {"StartTime": START + 3 * HOUR}, 3),
    ],
)
def test_schedules_fire_when_they_are_due(world, schedule, more, hours):
    world.register(1, 2)
    put(world, schedule=schedule, **more)
    advance(world, hours - 0.1)
    assert limits(world) == (1, 2)
    advance(world, 0.2)
    assert limits(world) == (3, 6)


def test_an_action_that_is_over_changes_nothing(world):
    world.register(1, 2)
    put(world, schedule="cron(0 12 * * ? *)", EndTime=START + HOUR)
    advance(world, 10)
    assert limits(world) == (1, 2)


def test_one_limit_alone_leaves_the_other(world):
    world.endpoints.make(count=4)
    world.register(1, 9)
    put(world, ScalableTargetAction={"MaxCapacity": 2})
    advance(world, 10)
    assert (limits(world), world.endpoints.count) == ((1, 2), 2)


def test_limits_that_would_cross_fail(world):
    world.register(1, 2)
    put(world, ScalableTargetAction={"MinCapacity": 5})
    advance(world, 10)
    assert limits(world) == (1, 2)
    [activity] = world.activities()
    assert activity["StatusCode"] == "Failed"
    assert "the minimum 5 would be greater than the maximum 2" in activity["StatusMessage"]


def test_suspended_actions_do_not_fire(world):
    world.register(1, 2, SuspendedState={"ScheduledScalingSuspended": True})
    put(world)
    advance(world, 10)
    assert limits(world) == (1, 2)


def test_an_action_that_is_put_again_keeps_what_is_left_out(world):
    world.register()
    put(world, Timezone="Asia/Tokyo")
    [before] = world.ask("DescribeScheduledActions")["ScheduledActions"]
    world.ask(
        "PutScheduledAction", ScheduledActionName="evening", ScalableTargetAction={"MinCapacity": 2}
    )
    [after] = world.ask("DescribeScheduledActions")["ScheduledActions"]
    assert after == {**before, "ScalableTargetAction": {"MinCapacity": 2}}


def test_a_deleted_action_does_not_fire(world):
    world.register(1, 2)
    put(world)
    world.ask("DeleteScheduledAction", ScheduledActionName="evening")
    advance(world, 10)
    assert limits(world) == (1, 2)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"Schedule": "often"}, "none of rate"),
        ({"Schedule": "rate(0 minutes)"}, "positive number"),
        ({"Timezone": "Moon/Base"}, "time zone"),
        ({"ScalableTargetAction": {}}, "MinCapacity, MaxCapacity or both"),
        ({"ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 1}}, "1 is less than 3"),
    ],
)
def test_an_action_that_cannot_be_meant_is_refused(world, more, words):
    world.register()
    with pytest.raises(ApiError, match=words) as caught:
        put(world, **more)
    assert caught.value.code == "ValidationException"
    assert world.ask("DescribeScheduledActions")["ScheduledActions"] == []
