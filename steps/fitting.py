"""The training loop: epochs, best model, early stopping, checkpoints, and the request to stop.

Boundary: a module, rows and a group of processes in; the best weights and their metrics out.
Losses and accuracies are sums over samples, divided by their number, over all processes: they
depend neither on the batch size nor on the number of hosts.
Run the tests: `pytest tests/steps/test_fitting.py`.
"""

from __future__ import annotations

import inspect
import math
import sys
import time
from collections.abc import Iterator
from typing import Any

import rules
import torch
from checkpoint import Checkpoint
from hosts import Group
from hyperparameters import Hyperparameters
from layers import Layers
from progress import Metrics, Progress
from rows import Rows
from sharding import batches, shuffled, steps
from stopping import Stopped, StopRequest
from thresholds import Thresholds
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

# The flag that torch 2.15 renamed; it warns of the old name.
_OPTIONS = inspect.signature(DistributedDataParallel).parameters
BUFFERS = "forward_sync_buffers" if "forward_sync_buffers" in _OPTIONS else "broadcast_buffers"


class FitError(Exception):
    """Training cannot go on; one sentence with the way out."""


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
        thresholds: Thresholds | None = None,
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
        self.thresholds = thresholds or Thresholds()
        self.layers = Layers(module, self.steps, group)
        self._firing: set[str] | None = None  # the rules of the line printed last
        for parameters in optimizer.param_groups:
            parameters["initial_lr"] = parameters["lr"]

    def run(self) -> Progress:
        """Train to the last epoch, the end of patience or a stopping rule, from a checkpoint on.

        Returns the progress with the best weights. On a stop request all processes save and
        raise Stopped; `progress` then holds the best so far. Raises FitError when the loss is
        not finite.
        """
        self._resume()
        self._parallel = self.module
        if self.group.world > 1:
            # BatchNorm's statistics never change, so there are no buffers to broadcast.
            self._parallel = DistributedDataParallel(self.module, **{BUFFERS: False})
        while not self._done():
            begin = time.perf_counter()
            train = self._train_epoch()
            validation = self._validate()
            seconds = time.perf_counter() - begin
            self._finish(Metrics(self.progress.epoch + 1, *train, *validation, seconds))
        return self.progress

    @property
    def stopped_by(self) -> rules.Finding | None:
        """The first finding of a rule that is to end training."""
        stopping, found = self.thresholds.stopping, self.progress.watched.findings
        return next((finding for finding in found if finding.rule in stopping), None)

    def _done(self) -> bool:
        patience = self.hyperparameters.patience
        out_of_patience = patience > 0 and self.progress.stale >= patience
        ended = out_of_patience or self.progress.epoch >= self.hyperparameters.epochs
        # Any process's finding counts for all: they must end together.
        return ended or self.group.any(self.stopped_by is not None)

    def _train_epoch(self) -> tuple[float, float]:
        """One epoch, or the rest of it: mean loss and accuracy while the weights changed."""
        progress, count = self.progress, self.train.sharding.count
        order = shuffled(count, self.hyperparameters.seed, progress.epoch)
        sums = torch.zeros(2, dtype=torch.float64, device=self.group.device)
        if self.group.rank == 0:  # what was summed up before an interruption
            before = (progress.loss_sum, progress.correct)
            sums += torch.tensor(before, dtype=torch.float64).to(sums)
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
            self._say_rules(progress.epoch + 1, {"exploding_gradient"})
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
            if self.progress.watched.start is None:
                loss = self.group.sum(losses.detach().sum()).item() / size
                self.progress.watched.start = self.layers.start(loss, logits.shape[1])
            self.optimizer.zero_grad()
            # Processes' gradients are averaged, and each holds a part of the batch's sum.
            (losses.sum() * (self.group.world / size)).backward()
            self.layers.see(self.progress.step)
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
        self.layers.share()
        self._save()
        raise Stopped

    def _finish(self, metrics: Metrics) -> None:
        self.progress.finish(metrics, self.module.state_dict())
        known = len(self.progress.watched.findings)
        found = self._watch(metrics)
        self._save()  # before the line: an epoch that was seen to end is never trained again
        if self.group.rank > 0:
            return
        say(metrics.line())
        for finding in self.progress.watched.findings[known:]:
            words = f"WARNING rule {finding.rule}, epoch {finding.epoch}: {finding.message}"
            print(words, file=sys.stderr, flush=True)
        self._say_rules(metrics.epoch, found)

    def _watch(self, metrics: Metrics) -> set[str]:
        """Show the epoch to the rules; the names of those that find something."""
        epoch = rules.Epoch(
            metrics.epoch, metrics.train_loss, metrics.validation_loss, **self.layers.figures()
        )
        self.layers.forget()
        return {found.rule for found in self.progress.watched.take(epoch, self.thresholds)}

    def _say_rules(self, epoch: int, firing: set[str]) -> None:
        """Their line on rank 0: at first, and when it is another than before."""
        if self.group.rank == 0 and firing != self._firing:
            self._firing = firing
            say(rules.line(epoch, firing))

    def _save(self) -> None:
        if self.group.rank == 0:
            self.checkpoint.save(
                {
                    "module": self.module.state_dict(),
                    "optimizer": self.optimizer.state_dict(),
                    "progress": self.progress.as_plain(),
                    "layers": self.layers.state(),
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
        self.progress = Progress.from_plain(state["progress"])
        self.layers.restore(state["layers"])
        torch.set_rng_state(state["rng"])
        if self.group.rank == 0:
            print(
                f"INFO resuming after epoch {self.progress.epoch}, step {self.progress.step}",
                file=sys.stderr,
                flush=True,
            )


def say(line: str) -> None:
    """One write with its newline: a launcher may interleave the pieces of a line."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _sums(losses: Any, logits: Any, labels: Any, weights: Any) -> Any:
    correct = (logits.argmax(dim=1) == labels) * weights
    return torch.stack([losses.double().sum(), correct.double().sum()])
