"""Figures of merit of a classifier, from true labels and predicted probabilities.

Boundary: numpy arrays in, numbers out; no model, no files. `labels` has shape (N,), integers;
`probabilities` has shape (N, C), rows that sum to 1; confusion matrices have shape (C, C) with
the true class first.
Run the tests: `pytest tests/steps/test_scores.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

BINS = 15
"""Equal-width confidence bins of the calibration error."""

# What SageMaker's own model-quality jobs do: below this no spread is given, above it the spread
# of five random samples of 80 %.
_SPREAD_FROM = 200
_SPREAD_SHARE = 0.8
_SPREAD_ROUNDS = 5
_SMALLEST_PROBABILITY = 1e-15


@dataclass(frozen=True)
class ClassScores:
    """Per class, arrays of shape (C,): precision and recall are 0 where they are undefined."""

    precision: np.ndarray
    recall: np.ndarray
    support: np.ndarray

    def f(self, beta: float) -> np.ndarray:
        """The F score that weighs recall `beta` times as much as precision, shape (C,)."""
        weight = beta * beta
        return _ratio(
            (1 + weight) * self.precision * self.recall, weight * self.precision + self.recall
        )


@dataclass(frozen=True)
class Bin:
    """One confidence bin (lower, upper]: its images, mean confidence and accuracy."""

    lower: float
    upper: float
    count: int
    confidence: float
    accuracy: float


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts of shape (classes, classes): row = true class, column = predicted class."""
    matrix: np.ndarray = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


def class_scores(matrix: np.ndarray) -> ClassScores:
    """Precision, recall and support of each class of a confusion matrix."""
    hits = np.diag(matrix).astype(float)
    return ClassScores(
        precision=_ratio(hits, matrix.sum(axis=0)),
        recall=_ratio(hits, matrix.sum(axis=1)),
        support=matrix.sum(axis=1),
    )


def macro(values: np.ndarray, support: np.ndarray) -> float:
    """The plain mean over the classes that the test split has images of."""
    return float(values[support > 0].mean())


def quality(matrix: np.ndarray) -> dict[str, float]:
    """The six multiclass figures of SageMaker's model quality, weighted by support."""
    scores = class_scores(matrix)

    def weighted(values: np.ndarray) -> float:
        return float((values * scores.support).sum() / scores.support.sum())

    return {
        "accuracy": float(np.trace(matrix) / matrix.sum()),
        "weighted_recall": weighted(scores.recall),
        "weighted_precision": weighted(scores.precision),
        "weighted_f0_5": weighted(scores.f(0.5)),
        "weighted_f1": weighted(scores.f(1)),
        "weighted_f2": weighted(scores.f(2)),
    }


def constant_matrix(matrix: np.ndarray) -> np.ndarray:
    """The confusion matrix of always answering the most frequent true class."""
    constant: np.ndarray = np.zeros_like(matrix)
    support = matrix.sum(axis=1)
    constant[:, support.argmax()] = support
    return constant


def spread(
    labels: np.ndarray,
    predicted: np.ndarray,
    classes: int,
    of: Callable[[np.ndarray], dict[str, float]] = quality,
) -> dict[str, float] | None:
    """The standard deviation of each figure over random samples; None for too few images."""
    if len(labels) < _SPREAD_FROM:
        return None
    random = np.random.default_rng(0)  # fixed: the same predictions give the same report
    size = int(len(labels) * _SPREAD_SHARE)
    rounds = []
    for _ in range(_SPREAD_ROUNDS):
        chosen = random.choice(len(labels), size, replace=False)
        rounds.append(of(confusion_matrix(labels[chosen], predicted[chosen], classes)))
    return {name: float(np.std([figures[name] for figures in rounds])) for name in rounds[0]}


def top_accuracy(labels: np.ndarray, probabilities: np.ndarray, k: int) -> float:
    """The share of images whose true class is among the k most probable (at most C)."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float((order == labels[:, None]).any(axis=1).mean())


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean negative natural logarithm of the true class's probability, in nats."""
    chosen = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(chosen, _SMALLEST_PROBABILITY, 1.0)).mean())


def calibration_bins(labels: np.ndarray, probabilities: np.ndarray) -> list[Bin]:
    """The bins that hold images, by the confidence of the predicted class."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    return [
        Bin(
            lower=index / BINS,
            upper=(index + 1) / BINS,
            count=int((place == index).sum()),
            confidence=float(confidence[place == index].mean()),
            accuracy=float(correct[place == index].mean()),
        )
        for index in range(BINS)
        if (place == index).any()
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: |accuracy − confidence| of the bins, weighted by count."""
    total = sum(item.count for item in bins)
    return sum(item.count * abs(item.accuracy - item.confidence) for item in bins) / total


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    shares: np.ndarray = np.divide(above, below, out=np.zeros(len(above)), where=below > 0)
    return shares
