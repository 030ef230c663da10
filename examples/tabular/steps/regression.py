"""Figures of merit of a regression, from true and predicted values.

Boundary: numpy arrays of shape (N,) in, numbers out; no model, no files.
Run the tests: `pytest tests/examples/tabular/test_regression.py`.
"""

from __future__ import annotations

import numpy as np

# What SageMaker's own model-quality jobs do: below this no spread is given, above it the spread
# of five random samples of 80 %.
_SPREAD_FROM = 200
_SPREAD_SHARE = 0.8
_SPREAD_ROUNDS = 5


def quality(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """The four regression figures of SageMaker's model quality.

    R² is 0 where all true values are equal, because nothing is there to be explained.
    """
    errors = predicted - truth
    mse = float((errors**2).mean())
    variance = float(((truth - truth.mean()) ** 2).mean())
    return {
        "mae": float(np.abs(errors).mean()),
        "mse": mse,
        "rmse": float(np.sqrt(mse)),
        "r2": 1 - mse / variance if variance > 0 else 0.0,
    }


def spread(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float] | None:
    """The standard deviation of each figure over random samples; None for too few rows."""
    if len(truth) < _SPREAD_FROM:
        return None
    random = np.random.default_rng(0)  # fixed: the same predictions give the same report
    size = int(len(truth) * _SPREAD_SHARE)
    rounds = []
    for _ in range(_SPREAD_ROUNDS):
        chosen = random.choice(len(truth), size, replace=False)
        rounds.append(quality(truth[chosen], predicted[chosen]))
    return {name: float(np.std([figures[name] for figures in rounds])) for name in rounds[0]}
