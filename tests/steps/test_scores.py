"""scores.py against figures computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scores

# 4 of class 0 (3 right), 3 of class 1 (2 right), 1 of class 2 (wrong).
LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 2])
PREDICTED = np.array([0, 0, 0, 1, 1, 1, 0, 1])
MATRIX = np.array([[3, 1, 0], [1, 2, 0], [0, 1, 0]])


def test_the_confusion_matrix_has_the_true_class_first() -> None:
    assert scores.confusion_matrix(LABELS, PREDICTED, 3).tolist() == MATRIX.tolist()


def test_precision_recall_and_f_of_each_class() -> None:
    found = scores.class_scores(MATRIX)
    assert found.precision.tolist() == [3 / 4, 2 / 4, 0]
    assert found.recall.tolist() == [3 / 4, 2 / 3, 0]
    assert found.support.tolist() == [4, 3, 1]
    assert found.f(1) == pytest.approx([3 / 4, 4 / 7, 0])
    # (1 + b²)PR / (b²P + R) for class 1
    assert found.f(2)[1] == pytest.approx(5 * (1 / 2) * (2 / 3) / (4 * (1 / 2) + 2 / 3))
    assert found.f(0.5)[1] == pytest.approx(1.25 * (1 / 2) * (2 / 3) / (0.25 * (1 / 2) + 2 / 3))


def test_weighted_figures_weigh_classes_by_their_images() -> None:
    found = scores.quality(MATRIX)
    assert found["accuracy"] == 5 / 8
    assert found["weighted_recall"] == pytest.approx(5 / 8)  # always equal to accuracy
    assert found["weighted_precision"] == pytest.approx((4 * 3 / 4 + 3 * 2 / 4) / 8)
    assert found["weighted_f1"] == pytest.approx((4 * 3 / 4 + 3 * 4 / 7) / 8)


def test_macro_figures_ignore_classes_without_images() -> None:
    assert scores.macro(np.array([1.0, 0.5, 0.0]), np.array([4, 1, 0])) == 0.75


def test_the_constant_classifier_answers_the_most_frequent_class() -> None:
    constant = scores.constant_matrix(MATRIX)
    assert constant.tolist() == [[4, 0, 0], [3, 0, 0], [1, 0, 0]]
    found = scores.quality(constant)
    assert found["accuracy"] == 0.5
    assert found["weighted_precision"] == 0.5 * 0.5


def test_top_accuracy_counts_the_true_class_among_the_first_k() -> None:
    rows = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2]])
    labels = np.array([0, 1, 2])
    assert [scores.top_accuracy(labels, rows, k) for k in (1, 2, 3, 5)] == [1 / 3, 2 / 3, 1, 1]


def test_ties_in_top_accuracy_do_not_count_for_everyone() -> None:
    rows = np.full((4, 4), 0.25)
    assert scores.top_accuracy(np.arange(4), rows, 1) == 0.25


def test_log_loss_is_the_mean_negative_logarithm_and_stays_finite() -> None:
    rows = np.array([[0.5, 0.5], [0.2, 0.8]])
    expected = -(math.log(0.5) + math.log(0.8)) / 2
    assert scores.log_loss(np.array([0, 1]), rows) == pytest.approx(expected)
    certain = scores.log_loss(np.array([1]), np.array([[1.0, 0.0]]))
    assert certain == pytest.approx(-math.log(1e-15))


def test_the_calibration_error_weighs_the_gap_of_each_bin() -> None:
    # Two images at confidence 0.9, one right: gap 0.4. Two at 0.6, both right: gap 0.4.
    rows = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    bins = scores.calibration_bins(np.array([0, 1, 0, 0]), rows)
    assert [(item.count, item.accuracy) for item in bins] == [(2, 1.0), (2, 0.5)]
    assert scores.calibration_error(bins) == pytest.approx(0.4)


def test_a_confidence_on_a_border_belongs_to_the_bin_below() -> None:
    rows = np.array([[0.8, 0.2], [1.0, 0.0]])  # 0.8 is 12/15
    bins = scores.calibration_bins(np.array([0, 0]), rows)
    assert [item.upper for item in bins] == [12 / 15, 1.0]


def test_a_perfectly_calibrated_model_has_no_calibration_error() -> None:
    rows = np.tile([0.75, 0.25], (4, 1))
    bins = scores.calibration_bins(np.array([0, 0, 0, 1]), rows)
    assert scores.calibration_error(bins) == 0


def test_the_spread_is_given_from_two_hundred_images_and_repeats() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 3, 200)
    predicted = np.where(random.random(200) < 0.8, labels, 0)
    assert scores.spread(labels[:199], predicted[:199], 3) is None
    found = scores.spread(labels, predicted, 3)
    assert found == scores.spread(labels, predicted, 3)
    assert found is not None and 0 < found["accuracy"] < 0.05
