"""Figures of merit, against values worked out by hand and scikit-learn's own."""

import numpy as np
import pytest
from regression import quality, spread


def test_the_figures_are_those_of_the_definitions():
    found = quality(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 3.0, 8.0]))
    assert found == {"mae": 1.0, "mse": 4.0, "rmse": 2.0, "r2": 1 - 16 / 5}


def test_they_are_scikit_learns():
    from sklearn import metrics

    random = np.random.default_rng(1)
    truth = random.normal(size=300)
    predicted = truth + random.normal(scale=0.3, size=300)
    found = quality(truth, predicted)
    assert found["r2"] == pytest.approx(metrics.r2_score(truth, predicted))
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(truth, predicted))
    assert found["mse"] == pytest.approx(metrics.mean_squared_error(truth, predicted))


def test_where_all_values_are_equal_nothing_is_explained():
    assert quality(np.ones(3), np.array([1.0, 1.0, 2.0]))["r2"] == 0.0


def test_few_rows_have_no_spread_and_many_have_the_same_one_each_time():
    truth = np.arange(300.0)
    assert spread(truth[:199], truth[:199]) is None
    found = spread(truth, truth + np.sin(truth))
    assert found == spread(truth, truth + np.sin(truth))
    assert found is not None and found["rmse"] > 0
