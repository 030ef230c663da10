"""Alarms over moto's real metric data: periods, transitions, actions, history."""

import json

import pytest
from moto.cloudwatch.exceptions import ValidationError


def test_an_alarm_begins_without_data_and_is_raised_by_the_last_whole_period(world):
    alarm = world.put()
    assert alarm.state_value == "INSUFFICIENT_DATA"
    world.point(2.0, at=3)
    assert world.state(at=9) == "INSUFFICIENT_DATA"  # its period is not over
    assert world.state(at=10) == "ALARM"
    assert world.actions == [("arn:alarm", "ALARM")]
    assert json.loads(alarm.state_reason_data)["recentDatapoints"] == [2.0]


def test_an_alarm_goes_back_when_the_data_are_good_again(world):
    world.put()
    world.point(2.0, at=3)
    world.state(at=10)
    world.point(0.0, at=13)
    assert world.state(at=20) == "OK"
    assert world.actions == [("arn:alarm", "ALARM"), ("arn:ok", "OK")]


def test_a_point_that_comes_late_is_seen(world):
    world.put(treat_missing_data="notBreaching")
    assert world.state(at=10) == "OK"
    world.point(2.0, at=3)
    assert world.state(at=11) == "ALARM"


def test_only_the_metric_with_exactly_these_dimensions_and_unit_counts(world):
    world.put(unit="Count")
    world.point(2.0, at=3, unit="None")
    world.point(2.0, at=3, endpoint="cats", unit="Count")
    assert world.state(at=10) == "INSUFFICIENT_DATA"
    world.point(2.0, at=3, unit="Count")
    assert world.state(at=10) == "ALARM"


def test_a_percentile_is_of_the_single_values(world):
    world.put(statistic=None, extended_statistic="p90", threshold=8.9)
    for value in range(11):
        world.point(float(value), at=3)
    assert world.state(at=10) == "ALARM"
    assert json.loads(world.moto.alarms["errors"].state_reason_data)["recentDatapoints"] == [9.0]


def test_a_set_state_does_its_actions_and_lasts_until_the_next_period(world):
    world.put(treat_missing_data="notBreaching")
    world.state(at=10)
    world.at = 12
    world.moto.set_alarm_state("errors", "a drill", "{}", "ALARM")
    assert world.state(at=15) == "ALARM"
    assert world.state(at=20) == "OK"
    assert [state for arn, state in world.actions] == ["OK", "ALARM", "OK"]


def test_an_alarm_that_is_put_again_keeps_its_state_and_acts_no_second_time(world):
    world.put()
    world.point(2.0, at=3)
    world.state(at=10)
    world.put(description="other words")
    assert world.state(at=11) == "ALARM"
    assert len(world.actions) == 1


def test_disabled_actions_are_not_done(world):
    world.put(actions_enabled=False)
    world.point(2.0, at=3)
    assert world.state(at=10) == "ALARM"
    assert world.actions == []


def test_a_composite_alarm_follows_its_alarms(world):
    world.put()
    world.put("any", rule='ALARM("errors")', metric_name=None, period=None)
    assert world.state(at=1, name="any") == "OK"
    world.point(2.0, at=3)
    assert world.state(at=10, name="any") == "ALARM"


def test_what_is_not_evaluated_is_refused(world):
    for given in (
        {"period": 15},
        {"statistic": "Mean"},
        {"comparison_operator": "LessThanLowerOrGreaterThanUpperThreshold"},
        {"statistic": None},
        {"datapoints_to_alarm": 2},
        {"rule": "perhaps"},
    ):
        with pytest.raises(ValidationError):
            world.put(**given)
