"""Rules that watch a training run, as SageMaker's Debugger has them: is something going wrong?

Boundary: figures of finished epochs in, findings out; pure, and without torch. How the figures
are taken is layers.py's business, what comes of a finding fitting.py's.
Run the tests: `pytest tests/steps/test_rules.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from thresholds import RULES, Thresholds

VERSION = 1
LEARNT = 0.5
"""Part of the loss of guessing below which a run has learnt enough for gradients to be small and
for the loss to stay where it is."""


@dataclass(frozen=True)
class Start:
    """A run before its first update. `guess` is the loss of guessing, ln(classes).

    `scale` is the standard deviation of the weights of `layer`, times the root of its inputs: of
    all layers the one that is farthest from 1.
    """

    guess: float
    loss: float
    layer: str = ""
    scale: float = 1.0


@dataclass(frozen=True)
class Epoch:
    """What one epoch showed. Losses are means in nats.

    `weakest` is the layer with the least gradient (root mean square), `largest_norm` the largest
    norm of a whole step's gradient; `dead_share` is the part of units of `dead_layer` that were 0
    for all images.
    """

    epoch: int
    train_loss: float
    validation_loss: float
    weakest: str = ""
    weakest_rms: float = math.inf
    largest_norm: float = 0.0
    dead_layer: str = ""
    dead_share: float = 0.0


@dataclass(frozen=True)
class Finding:
    """What a rule found: the epoch, the value beside its threshold, and a sentence."""

    rule: str
    epoch: int
    value: float
    threshold: float
    message: str


Found = tuple[float, float, str]  # value, threshold, message
Rule = Callable[[Start, Sequence[Epoch], Thresholds], "Found | None"]


def check(start: Start, epochs: Sequence[Epoch], thresholds: Thresholds) -> list[Finding]:
    """What the rules find at the last of `epochs`, in the order of RULES."""
    found = {rule: _CHECKS[rule](start, epochs, thresholds) for rule in RULES}
    return [Finding(rule, epochs[-1].epoch, *result) for rule, result in found.items() if result]


@dataclass
class Watched:
    """What the rules know of a run, and the first finding of each."""

    start: Start | None = None
    epochs: list[Epoch] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def take(self, epoch: Epoch, thresholds: Thresholds) -> list[Finding]:
        """Add an epoch; what the rules find at it."""
        assert self.start  # noqa: S101 - known since the first step
        self.epochs.append(epoch)
        found = check(self.start, self.epochs, thresholds)
        known = {finding.rule for finding in self.findings}
        self.findings += [finding for finding in found if finding.rule not in known]
        return found

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Watched:
        """What `dataclasses.asdict` made of it."""
        return cls(
            Start(**plain["start"]) if plain["start"] else None,
            [Epoch(**epoch) for epoch in plain["epochs"]],
            [Finding(**finding) for finding in plain["findings"]],
        )


def line(epoch: int, firing: Iterable[str]) -> str:
    """The line that the training job's metric definitions read: 1 for a rule that finds."""
    names = set(firing)
    figures = " ".join(f"rule:{rule}={int(rule in names)}" for rule in RULES)
    return f"rules epoch={epoch} {figures}"


def report(
    findings: Sequence[Finding], thresholds: Thresholds, epochs: int, stopped_by: str
) -> dict[str, Any]:
    """The content of rules.json: each rule's first finding, or null."""
    first: Mapping[str, Any] = {finding.rule: _as_json(finding) for finding in findings}
    return {
        "version": VERSION,
        "epochs": epochs,
        "stopped_by": stopped_by or None,
        "thresholds": asdict(thresholds),
        "rules": {rule: first.get(rule) for rule in RULES},
    }


def _as_json(finding: Finding) -> dict[str, Any]:
    value = finding.value if math.isfinite(finding.value) else None  # JSON has no infinity
    return {**asdict(finding), "value": value}


def _vanishing_gradient(
    start: Start, epochs: Sequence[Epoch], thresholds: Thresholds
) -> Found | None:
    last, least = epochs[-1], thresholds.vanishing_gradient_rms
    if last.weakest_rms >= least or last.train_loss < LEARNT * start.guess:
        return None
    return (
        last.weakest_rms,
        least,
        f"The gradient of {last.weakest} is {last.weakest_rms:.3g} (root mean square) and the "
        f"training loss {last.train_loss:.3g}: the layer learns nothing.",
    )


def _exploding_gradient(
    start: Start, epochs: Sequence[Epoch], thresholds: Thresholds
) -> Found | None:
    norm, most = epochs[-1].largest_norm, thresholds.exploding_gradient_norm
    if norm <= most:  # false for a norm that is no number, which is a finding
        return None
    return norm, most, f"A step's gradient had the norm {norm:.3g}: lower learning_rate."


def _dead_relu(start: Start, epochs: Sequence[Epoch], thresholds: Thresholds) -> Found | None:
    last, most = epochs[-1], thresholds.dead_relu_share
    if last.dead_share <= most:
        return None
    return (
        last.dead_share,
        most,
        f"{last.dead_share:.0%} of the units of {last.dead_layer} were 0 for every image.",
    )


def _poor_initialization(
    start: Start, epochs: Sequence[Epoch], thresholds: Thresholds
) -> Found | None:
    if epochs[-1].epoch > 1:
        return None
    ratio, most = start.loss / start.guess, thresholds.poor_initialization_loss
    if ratio > most or math.isnan(ratio):
        return ratio, most, f"The first step lost {ratio:.3g} times as much as guessing does."
    scale, factor = start.scale, thresholds.poor_initialization_scale
    if 1 / factor <= scale <= factor:
        return None
    return (
        scale,
        factor,
        f"The first weights of {start.layer} have {scale:.3g} times the standard deviation of "
        "1 / sqrt(inputs).",
    )


def _overfit(start: Start, epochs: Sequence[Epoch], thresholds: Thresholds) -> Found | None:
    recent = epochs[-thresholds.overfit_epochs :]
    gap = min((e.validation_loss - e.train_loss) / start.guess for e in recent)
    if len(recent) < thresholds.overfit_epochs or not gap > thresholds.overfit_gap:
        return None
    last = recent[-1]
    return (
        gap,
        thresholds.overfit_gap,
        f"The validation loss is {last.validation_loss:.3g}, the training loss "
        f"{last.train_loss:.3g}: what is learnt does not carry over to other images.",
    )


def _overtraining(start: Start, epochs: Sequence[Epoch], thresholds: Thresholds) -> Found | None:
    best = min(epochs, key=lambda epoch: epoch.validation_loss)
    since, most = epochs[-1].epoch - best.epoch, thresholds.overtraining_epochs
    if since < most or epochs[-1].train_loss >= best.train_loss:
        return None
    return (
        float(since),
        float(most),
        f"For {since} epochs the validation loss has not got below that of epoch {best.epoch} "
        f"({best.validation_loss:.3g}), while the training loss still fell.",
    )


def _loss_not_decreasing(
    start: Start, epochs: Sequence[Epoch], thresholds: Thresholds
) -> Found | None:
    window, share = thresholds.loss_not_decreasing_epochs, thresholds.loss_not_decreasing_share
    if len(epochs) <= window or epochs[-1].train_loss < LEARNT * start.guess:
        return None
    before = min(epoch.train_loss for epoch in epochs[:-window])
    now = min(epoch.train_loss for epoch in epochs[-window:])
    fallen = (before - now) / before
    if fallen >= share:
        return None
    return (
        fallen,
        share,
        f"In {window} epochs the training loss went from {before:.4g} to {now:.4g}; guessing "
        f"loses {start.guess:.3g}.",
    )


_CHECKS: Mapping[str, Rule] = {
    "vanishing_gradient": _vanishing_gradient,
    "exploding_gradient": _exploding_gradient,
    "dead_relu": _dead_relu,
    "poor_initialization": _poor_initialization,
    "overfit": _overfit,
    "overtraining": _overtraining,
    "loss_not_decreasing": _loss_not_decreasing,
}
