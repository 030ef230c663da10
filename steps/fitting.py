"""The training loop: epochs, best model, early stopping, checkpoints, and the request to stop.

Boundary: a module, rows and a group of processes in; the best weights and their metrics out.
Losses and accuracies are sums over samples, divided by their number, over all processes: they
depend neither on the batch size nor on the number of hosts.
Run the tests: `pytest tests/steps/test_fitting.py`.
"""

from __future__ import annotations

import copy
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from checkpoint import Checkpoint
from hosts import Group
from hyperparameters import Hyperparameters
from rows import Rows
from sharding import batches, shuffled, steps
from stopping import Stopped, StopRequest
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel


class FitError(Exception):
    """Training cannot go on; one sentence with the way out."""


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


class Fit:
    """One training run of `module` (the head or the whole network) on all processes."""

    def __init__(
        self,
        module: Any,
        optimizer: Any,
        hyperparameters: Hyperparameters,
        rows: tuple[Rows, Rows],
        checkpoint: Checkpoint,
        group: Group,
        stop: StopRequest,
        dtype: Any = torch.float32,
    ) -> None:
        self.module = module
        self.optimizer = optimizer
        self.hyperparameters = hyperparameters
        self.train, self.validation = rows
        self.checkpoint = checkpoint
        self.group = group
        self.stop = stop
        self.dtype = dtype
        self.progress = Progress()
        self.steps = steps(self.train.sharding.count, hyperparameters.batch_size)
        for parameters in optimizer.param_groups:
            parameters["initial_lr"] = parameters["lr"]

    def run(self) -> Progress:
        """Train to the last epoch or the end of patience, going on from a checkpoint.

        Returns the progress with the best weights. On a stop request all processes save and
        raise Stopped; `progress` then holds the best so far. Raises FitError when the loss is
        not finite.
        """
        self._resume()
        self._parallel = self.module
        if self.group.world > 1:
            # BatchNorm's statistics never change, so there are no buffers to broadcast.
            self._parallel = DistributedDataParallel(self.module, broadcast_buffers=False)
        while not self._done():
            begin = time.perf_counter()
            train = self._train_epoch()
            validation = self._validate()
            seconds = time.perf_counter() - begin
            self._finish(Metrics(self.progress.epoch + 1, *train, *validation, seconds))
        return self.progress

    def _done(self) -> bool:
        patience = self.hyperparameters.patience
        out_of_patience = patience > 0 and self.progress.stale >= patience
        return out_of_patience or self.progress.epoch >= self.hyperparameters.epochs

    def _train_epoch(self) -> tuple[float, float]:
        """One epoch, or the rest of it: mean loss and accuracy while the weights changed."""
        progress, count = self.progress, self.train.sharding.count
        order = shuffled(count, self.hyperparameters.seed, progress.epoch)
        sums = torch.zeros(2, dtype=torch.float64, device=self.group.device)
        if self.group.rank == 0:  # what was summed up before an interruption
            sums += torch.tensor([progress.loss_sum, progress.correct]).to(sums)
        for size, inputs, labels, weights in self._batches(
            self.train, order, progress.step, progress.epoch
        ):
            self._check_stop(sums)
            self._schedule()
            sums += self._step(size, inputs, labels, weights)
            progress.step += 1
        loss, correct = self.group.sum(sums).tolist()
        progress.loss_sum, progress.correct = loss, correct  # a stop may come while validating
        if not math.isfinite(loss):
            raise FitError(
                f"The training loss is not finite in epoch {progress.epoch + 1}; lower "
                f"learning_rate (now {self.hyperparameters.learning_rate:g})."
            )
        return loss / count, correct / count

    def _step(self, size: int, inputs: Any, labels: Any, weights: Any) -> Any:
        """One update of the weights; the sums [loss, correct] over this process's samples."""
        with self.group.contact():
            logits = self._forward(self._parallel, inputs)
            losses = functional.cross_entropy(logits, labels, reduction="none") * weights
            self.optimizer.zero_grad()
            # Processes' gradients are averaged, and each holds a part of the batch's sum.
            (losses.sum() * (self.group.world / size)).backward()
            self.optimizer.step()
        return _sums(losses.detach(), logits.detach(), labels, weights)

    def _validate(self) -> tuple[float, float]:
        count = self.validation.sharding.count
        sums = torch.zeros(2, dtype=torch.float64, device=self.group.device)
        with torch.no_grad():
            for _, inputs, labels, weights in self._batches(
                self.validation, torch.arange(count), 0, None
            ):
                self._check_stop(None)
                logits = self._forward(self.module, inputs)
                losses = functional.cross_entropy(logits, labels, reduction="none") * weights
                sums += _sums(losses, logits, labels, weights)
        loss, correct = self.group.sum(sums).tolist()
        return loss / count, correct / count

    def _batches(
        self, rows: Rows, order: Any, start: int, epoch: int | None
    ) -> Iterator[tuple[int, Any, Any, Any]]:
        """(images in the step, own inputs, labels, weights) for each step from `start` on.

        A process without an image in a step computes one of its own with weight 0, because all
        must take part in averaging.
        """
        plan, sizes, weights = [], [], []
        for batch in batches(order, self.hyperparameters.batch_size, start):
            own = rows.sharding.own(batch)
            weights.append(torch.ones(max(1, len(own))) * bool(len(own)))
            plan.append(own if len(own) else rows.sharding.held[self.group.rank].nonzero()[0])
            sizes.append(len(batch))
        for size, weight, (inputs, labels) in zip(
            sizes, weights, rows.read(plan, epoch), strict=True
        ):
            yield size, inputs, labels, weight.to(self.group.device)

    def _forward(self, module: Any, inputs: Any) -> Any:
        lower = self.dtype != torch.float32
        with torch.autocast(self.group.device.type, dtype=torch.bfloat16, enabled=lower):
            return module(inputs).float()

    def _schedule(self) -> None:
        done = self.progress.epoch * self.steps + self.progress.step
        factor = 0.5 * (1 + math.cos(math.pi * done / (self.hyperparameters.epochs * self.steps)))
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = parameters["initial_lr"] * factor

    def _check_stop(self, sums: Any) -> None:
        """Save and raise Stopped on all processes when one of them was asked to stop."""
        if not self.group.any(self.stop.requested):
            return
        if sums is not None:
            total = self.group.sum(sums.clone()).tolist()
            self.progress.loss_sum, self.progress.correct = total
        self._save()
        raise Stopped

    def _finish(self, metrics: Metrics) -> None:
        self.progress.finish(metrics, self.module.state_dict())
        self._save()  # before the line: an epoch that was seen to end is never trained again
        if self.group.rank == 0:
            # One write with its newline: a launcher may interleave the pieces of a line.
            sys.stdout.write(metrics.line() + "\n")
            sys.stdout.flush()

    def _save(self) -> None:
        if self.group.rank == 0:
            self.checkpoint.save(
                {
                    "module": self.module.state_dict(),
                    "optimizer": self.optimizer.state_dict(),
                    "progress": dict(vars(self.progress)),
                    "rng": torch.get_rng_state(),
                }
            )

    def _resume(self) -> None:
        """Take up rank 0's checkpoint: it alone writes, and the others may not see its folder."""
        state = self.group.share(self.checkpoint.load() if self.group.rank == 0 else None)
        if state is None:
            return
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(**state["progress"])
        torch.set_rng_state(state["rng"])
        if self.group.rank == 0:
            print(
                f"INFO resuming after epoch {self.progress.epoch}, step {self.progress.step}",
                file=sys.stderr,
                flush=True,
            )


def _sums(losses: Any, logits: Any, labels: Any, weights: Any) -> Any:
    correct = (logits.argmax(dim=1) == labels) * weights
    return torch.stack([losses.double().sum(), correct.double().sum()])
