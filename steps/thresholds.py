"""The rules that watch a training run: their names, and from what value on each finds something.

Boundary: hyperparameters like all others, but for one thing: they change no weight, so a run that
was interrupted goes on from its checkpoint under other thresholds too.
Run the tests: `pytest tests/steps/test_rules.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from fields import hyperparameter, integer, number, some_of

RULES = (
    "vanishing_gradient",
    "exploding_gradient",
    "dead_relu",
    "poor_initialization",
    "overfit",
    "overtraining",
    "loss_not_decreasing",
)


@dataclass(frozen=True)
class Thresholds:
    """When each rule finds something. Guessing loses ln(classes) nats, the yardstick of losses."""

    stop_on_rules: str = hyperparameter(
        "none",
        some_of(*RULES),
        "rules that end training when they find something, with commas between; the best model "
        "so far is kept",
    )
    vanishing_gradient_rms: float = hyperparameter(
        1e-7,
        number(0, 1),
        "vanishing_gradient: root mean square of a layer's gradient, mean of an epoch, below "
        "which the layer learns nothing, while the loss is above half of that of guessing",
    )
    exploding_gradient_norm: float = hyperparameter(
        1000.0,
        number(0, 1e12),
        "exploding_gradient: Euclidean norm of a step's gradient over all layers that is too much",
    )
    dead_relu_share: float = hyperparameter(
        0.5,
        number(0, 1),
        "dead_relu: share of a hidden layer's units that may be 0 for every image of an epoch",
    )
    poor_initialization_loss: float = hyperparameter(
        3.0,
        number(1, 1e6),
        "poor_initialization: loss of the very first step, in multiples of the loss of guessing, "
        "that is too much",
    )
    poor_initialization_scale: float = hyperparameter(
        30.0,
        number(1, 1e12),
        "poor_initialization: factor by which the standard deviation of a layer's first weights "
        "may differ from 1 / sqrt(inputs)",
    )
    overfit_gap: float = hyperparameter(
        0.25,
        number(0, 1e6),
        "overfit: how much more validation may lose than training, in multiples of the loss of "
        "guessing",
    )
    overfit_epochs: int = hyperparameter(
        3, integer(1, 10_000), "overfit: epochs in a row with that gap"
    )
    overtraining_epochs: int = hyperparameter(
        10,
        integer(1, 10_000),
        "overtraining: epochs without a lower validation loss while the training loss still fell; "
        "patience, where it is shorter, ends training before",
    )
    loss_not_decreasing_epochs: int = hyperparameter(
        5, integer(1, 10_000), "loss_not_decreasing: epochs in which the training loss must fall"
    )
    loss_not_decreasing_share: float = hyperparameter(
        0.01,
        number(0, 1),
        "loss_not_decreasing: part of itself by which it must fall in them, while it is above "
        "half of that of guessing",
    )

    @property
    def stopping(self) -> tuple[str, ...]:
        """The rules that end training."""
        if self.stop_on_rules == "all":
            return RULES
        return tuple(rule for rule in RULES if rule in self.stop_on_rules.split(","))
