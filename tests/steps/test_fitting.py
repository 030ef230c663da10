"""The training loop on rows small enough to compute by hand."""

from __future__ import annotations

import math
import re

import pytest
import torch
from checkpoint import Checkpoint
from features import Table
from fitting import Fit, FitError
from hosts import Group
from hyperparameters import Hyperparameters
from progress import Metrics
from rows import FeatureRows
from stopping import Stopped, StopRequest


def table(count: int, seed: int = 0) -> Table:
    """Three blurred clusters in eight dimensions, two views of each point."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    points = torch.eye(8)[labels] * 2 + torch.randn((count, 8), generator=draw)
    return Table(torch.stack([points, points + 0.01], dim=1), labels)


def fit_of(folder, hyperparameters, count=23, stop=None) -> Fit:
    torch.manual_seed(0)
    group = Group()
    head = torch.nn.Linear(8, 3)
    rows = (FeatureRows(table(count), 7, group), FeatureRows(table(10, 1), 7, group))
    optimizer = torch.optim.AdamW(head.parameters(), lr=hyperparameters.learning_rate)
    checkpoint = Checkpoint(folder, "run")
    return Fit(head, optimizer, hyperparameters, rows, checkpoint, group, stop or StopRequest())


@pytest.mark.parametrize("batch_size", [1, 4, 7, 10, 64])
def test_validation_loss_is_the_mean_over_images_whatever_the_batch_size(tmp_path, batch_size):
    options = Hyperparameters(epochs=1, batch_size=batch_size, learning_rate=0.01)
    fit = fit_of(tmp_path, options)
    metrics = fit.run().best_metrics
    rows = table(10, 1)
    with torch.no_grad():
        logits = fit.module(rows.features[:, 0])
    expected = torch.nn.functional.cross_entropy(logits, rows.labels).item()
    assert metrics.validation_loss == pytest.approx(expected, rel=1e-6)
    right = (logits.argmax(1) == rows.labels).float().mean().item()
    assert metrics.validation_accuracy == pytest.approx(right)


@pytest.mark.parametrize("batch_size", [5, 23])
def test_training_loss_is_the_mean_over_images_also_with_a_short_last_batch(tmp_path, batch_size):
    # So small a rate that the weights stay what they were.
    options = Hyperparameters(epochs=1, batch_size=batch_size, learning_rate=1e-8)
    fit = fit_of(tmp_path, options)
    rows = table(23)
    with torch.no_grad():
        logits = fit.module(rows.features[:, 0])
    expected = torch.nn.functional.cross_entropy(logits, rows.labels).item()
    assert fit.run().best_metrics.train_loss == pytest.approx(expected, rel=0.01)


def test_training_learns_and_keeps_the_best_epoch(tmp_path, capsys):
    fit = fit_of(tmp_path, Hyperparameters(epochs=30, learning_rate=0.05, patience=3))
    progress = fit.run()
    printed = capsys.readouterr().out.splitlines()
    lines = [line for line in printed if line.startswith("metrics ")]
    losses = [float(re.findall(r"validation:loss=([0-9.eE+-]+)", line)[0]) for line in lines]
    best = losses.index(min(losses))
    assert progress.best_metrics.epoch == best + 1
    assert progress.best_metrics.train_accuracy > 0.8
    assert len(losses) in (30, best + 1 + 3)


def test_a_metric_line_is_read_by_one_expression_for_each_metric():
    line = Metrics(3, 1e-9, 0.5, 123456.7, 1.0, 2.0).line()
    for name, value in [
        ("train:loss", 1e-9),
        ("train:accuracy", 0.5),
        ("validation:loss", 123457),
        ("validation:accuracy", 1),
    ]:
        (found,) = re.findall(rf"{name}=([0-9.eE+-]+)", line)
        assert float(found) == pytest.approx(value)


def test_the_rate_falls_along_a_cosine_to_nearly_nothing(tmp_path):
    fit = fit_of(tmp_path, Hyperparameters(epochs=2, batch_size=23, learning_rate=0.5))
    fit.run()
    assert fit.optimizer.param_groups[0]["lr"] == pytest.approx(
        0.5 * 0.5 * (1 + math.cos(math.pi / 2))
    )


def test_a_loss_that_is_not_finite_names_the_rate(tmp_path):
    fit = fit_of(tmp_path, Hyperparameters(epochs=2, learning_rate=0.25))
    with torch.no_grad():
        fit.module.weight.fill_(float("nan"))
    with pytest.raises(FitError, match=r"epoch 1; lower learning_rate \(now 0.25\)"):
        fit.run()


def test_a_stopped_run_goes_on_in_the_middle_of_its_epoch(tmp_path, capsys, monkeypatch):
    options = Hyperparameters(epochs=4, batch_size=5, patience=0, learning_rate=0.05)
    whole = fit_of(tmp_path / "whole", options).run()
    stop = StopRequest()
    broken = fit_of(tmp_path / "broken", options, stop=stop)
    steps = 0
    original = broken._step

    def count_steps(*arguments):
        nonlocal steps
        steps += 1
        stop.requested = steps == 7  # of five steps an epoch
        return original(*arguments)

    monkeypatch.setattr(broken, "_step", count_steps)
    with pytest.raises(Stopped):
        broken.run()
    assert (broken.progress.epoch, broken.progress.step) == (1, 2)
    resumed = fit_of(tmp_path / "broken", options)
    progress = resumed.run()
    assert "INFO resuming after epoch 1, step 2" in capsys.readouterr().err
    for key, value in whole.best["weights"].items():
        assert torch.equal(progress.best["weights"][key], value)
    ours, theirs = progress.best["metrics"], whole.best["metrics"]
    assert {**ours, "seconds": 0} == {**theirs, "seconds": 0}


def test_a_finished_run_does_not_train_again(tmp_path, capsys):
    options = Hyperparameters(epochs=2, learning_rate=0.05)
    fit_of(tmp_path, options).run()
    capsys.readouterr()
    again = fit_of(tmp_path, options).run()
    assert capsys.readouterr().out == ""
    assert again.best_metrics.epoch == 2
