from __future__ import annotations

import pytest

from local.tuning.stopping import better, median_rule, not_improving, reached


@pytest.mark.parametrize(
    ("kind", "worse", "fine"), [("Minimize", 3.1, 2.9), ("Maximize", 2.9, 3.1)]
)
def test_a_trial_stops_when_it_is_worse_than_the_median_of_running_averages(kind, worse, fine):
    finished = [[4.0, 2.0], [3.0, 1.0], [5.0, 3.0]]  # means up to epoch 2: 3, 2, 4
    assert median_rule(kind, [9.0, worse], finished)
    assert not median_rule(kind, [9.0, fine], finished)


def test_trials_that_never_got_as_far_do_not_judge():
    finished = [[1.0], [1.0], [5.0, 5.0], [6.0, 6.0]]
    assert not median_rule("Minimize", [2.0, 2.0], finished)
    assert median_rule("Minimize", [2.0], finished[:2])


def test_the_median_rule_waits_for_two_trials_to_compare_with():
    assert not median_rule("Minimize", [100.0], [[1.0]])
    assert not median_rule("Minimize", [], [[1.0], [1.0]])


def test_better_follows_the_objective_type_and_reached_includes_the_target():
    assert better("Minimize", 1, 2)
    assert better("Maximize", 2, 1)
    assert not better("Minimize", 2, 2)
    assert reached("Minimize", 0.5, 0.5)
    assert reached("Maximize", 0.9, 0.8)
    assert not reached("Maximize", 0.7, 0.8)


def test_improvements_below_one_percent_count_as_none():
    assert not_improving("Minimize", [1.0, 0.999, 0.995]) == 2
    assert not_improving("Minimize", [1.0, 0.995, 0.98]) == 0
    assert not_improving("Maximize", [0.5, 0.9, 0.4, 0.9, 0.901]) == 3
    assert not_improving("Minimize", []) == 0
