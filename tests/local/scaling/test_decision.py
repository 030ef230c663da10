"""The rules by which policies decide."""

import pytest

from local.scaling.decision import Proposal, choose, stepped, tracked
from local.scaling.pace import InvalidPace, Pace, read_pace
from local.scaling.readings import Reading


@pytest.mark.parametrize(
    ("readings", "target", "most", "instances"),
    [
        ([(250.0, 1)], 100.0, None, 3),
        ([(100.0, 3)], 100.0, None, 3),
        ([(0.1, 3)], 0.1, None, 3),
        ([(0.0, 4)], 100.0, None, 0),
        ([(20.0, 0)], 5.0, None, 4),
        ([(10.0, 2), (90.0, 3), (0.0, 3)], 100.0, None, 3),
        ([(400.0, 3)], 100.0, 1, 4),
    ],
)
def test_the_instances_that_a_load_needs(readings, target, most, instances):
    assert tracked([Reading(*each) for each in readings], target, most) == instances


@pytest.mark.parametrize(
    ("kind", "adjustment", "least", "capacity", "expected"),
    [
        ("ChangeInCapacity", 2, 0, 3, 5),
        ("ChangeInCapacity", -5, 0, 3, 0),
        ("ExactCapacity", 7, 0, 3, 7),
        ("PercentChangeInCapacity", 25, 0, 10, 12),
        ("PercentChangeInCapacity", 10, 0, 3, 4),
        ("PercentChangeInCapacity", -10, 0, 3, 2),
        ("PercentChangeInCapacity", -67, 0, 10, 4),
        ("PercentChangeInCapacity", 25, 2, 4, 6),
    ],
)
def test_what_an_adjustment_makes_of_a_capacity(kind, adjustment, least, capacity, expected):
    configuration = {
        "AdjustmentType": kind,
        "MinAdjustmentMagnitude": least,
        "StepAdjustments": [{"ScalingAdjustment": adjustment}],
    }
    assert stepped(configuration, 1.0, capacity) == expected


def test_the_bound_nearer_to_the_threshold_belongs_to_a_step():
    steps = [
        {"MetricIntervalUpperBound": -10, "ScalingAdjustment": -2},
        {"MetricIntervalLowerBound": -10, "MetricIntervalUpperBound": 0, "ScalingAdjustment": -1},
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 10, "ScalingAdjustment": 2},
    ]
    configuration = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps}
    found = [stepped(configuration, distance, 5) for distance in (-10, -1, 0, 9, 10)]
    assert found == [3, 4, 6, 6, 7]
    del steps[3]
    assert stepped(configuration, 10, 5) is None


def test_scaling_out_goes_before_scaling_in_and_the_larger_before_the_smaller():
    out, more = Proposal("a", "x", 3, True), Proposal("b", "y", 5, True)
    low, lower = Proposal("c", "z", 2, False), Proposal("d", "w", 1, False)
    assert choose([lower, out, more], ["c", "d"]) == more
    assert choose([lower, low], ["c", "d"]) == low
    assert choose([lower], ["c", "d"]) is None
    assert choose([lower], ["c"]) == lower  # a step policy asks for itself
    assert choose([], []) is None


def test_a_pace_shrinks_what_is_counted_and_how_long_it_takes():
    pace = Pace(10)
    assert pace.threshold(60.0, "Sum") == 10.0
    assert pace.threshold(60.0, "Average") == 60.0
    assert pace.seconds(300) == 50.0


def test_the_pace_is_aws_own_unless_the_environment_names_another():
    assert read_pace({}) == Pace(60)
    assert read_pace({"BREEDLINE_SCALING_PERIOD": "20"}) == Pace(20)
    with pytest.raises(InvalidPace, match="'15'; it must be one of 10, 20, 30, 60"):
        read_pace({"BREEDLINE_SCALING_PERIOD": "15"})
