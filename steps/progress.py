"""How far a training run has come, and the figures of its epochs.

Boundary: figures and weights in, the best of them kept; no arithmetic of training.
Run the tests: `pytest tests/steps/test_fitting.py`.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass, field
from typing import Any

from rules import Watched


@dataclass(frozen=True)
class Metrics:
    """One epoch's figures: mean loss in nats, share of correct labels, wall-clock seconds."""

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float

    def line(self) -> str:
        """The line that the training job's metric definitions read."""
        return (
            f"metrics epoch={self.epoch} train:loss={self.train_loss:.6g} "
            f"train:accuracy={self.train_accuracy:.6g} "
            f"validation:loss={self.validation_loss:.6g} "
            f"validation:accuracy={self.validation_accuracy:.6g} seconds={self.seconds:.3f}"
        )


@dataclass
class Progress:
    """Where a run stands: finished epochs, finished steps of the next one, and the best so far."""

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    correct: float = 0.0
    stale: int = 0
    best: dict[str, Any] = field(default_factory=dict)
    watched: Watched = field(default_factory=Watched)

    def finish(self, metrics: Metrics, weights: Any) -> None:
        """Count an epoch, and keep its weights when its validation loss is the lowest."""
        self.epoch, self.step, self.loss_sum, self.correct = metrics.epoch, 0, 0.0, 0.0
        if not self.best or metrics.validation_loss < self.best["metrics"]["validation_loss"]:
            self.best = {"metrics": asdict(metrics), "weights": copy.deepcopy(weights)}
            self.stale = 0
        else:
            self.stale += 1

    @property
    def best_metrics(self) -> Metrics:
        """The figures of the best epoch; only when there is one."""
        return Metrics(**self.best["metrics"])

    def as_plain(self) -> dict[str, Any]:
        """As dictionaries, numbers and tensors, which a checkpoint may hold."""
        return {**vars(self), "watched": asdict(self.watched)}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Progress:
        return cls(**{**plain, "watched": Watched.from_plain(plain["watched"])})
