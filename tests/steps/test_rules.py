"""The rules that watch training: each finds its planted fault, and none a fault in a sound run."""

from __future__ import annotations

import json
import math

import pytest
import rules
import torch
from checkpoint import Checkpoint
from features import Table
from fitting import Fit
from hosts import Group
from hyperparameters import Hyperparameters
from layers import SAMPLES, Layers
from network import build_network, load_backbone, pretrained_file
from rows import FeatureRows
from rules import Epoch, Start
from stopping import Stopped, StopRequest
from thresholds import RULES, Thresholds
from torch import nn

from tests.steps.launching import draw_photos, start

DEFAULT = Thresholds()
START = Start(guess=1.0, loss=1.1)


def table(count: int, seed: int = 0, size: int = 8, noise: bool = False) -> Table:
    """Points in three clusters; with `noise` the labels have nothing to do with the points."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    middle = torch.zeros(size) if noise else torch.eye(size)[labels] * 4
    points = middle + torch.randn((count, size), generator=draw)
    return Table(points.unsqueeze(1), labels)


def fit_of(folder, module, data=None, thresholds=None, stop=None, **hyperparameters) -> Fit:
    chosen = {"epochs": 12, "learning_rate": 0.02, "patience": 0, "batch_size": 8}
    options = Hyperparameters(**{**chosen, **hyperparameters})
    train, validation = data or (table(30), table(30, 1))
    rows = (FeatureRows(train, 7, Group()), FeatureRows(validation, 7, Group()))
    optimizer = torch.optim.AdamW(
        module.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
    )
    checkpoint = Checkpoint(folder, "run")
    return Fit(
        *(module, optimizer, options, rows, checkpoint, Group(), stop or StopRequest()),
        thresholds=thresholds,
    )


def found(fit: Fit) -> dict[str, rules.Finding]:
    fit.run()
    return {finding.rule: finding for finding in fit.progress.watched.findings}


@pytest.fixture(autouse=True)
def same_weights():
    torch.manual_seed(3)


def head(*middle) -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 16), *middle, nn.Linear(16, 3))


def sigmoids(layers: int) -> nn.Sequential:
    return nn.Sequential(
        *(part for _ in range(layers) for part in (nn.Linear(8, 8), nn.Sigmoid())), nn.Linear(8, 3)
    )


def test_a_sound_run_triggers_no_rule(tmp_path, capsys):
    assert found(fit_of(tmp_path, head(nn.ReLU()), epochs=20, patience=5)) == {}
    printed = capsys.readouterr()
    assert "WARNING" not in printed.err
    lines = [line for line in printed.out.splitlines() if line.startswith("rules ")]
    assert lines == ["rules epoch=1 " + " ".join(f"rule:{rule}=0" for rule in RULES)]


def test_a_chain_of_sigmoids_lets_the_gradient_vanish(tmp_path):
    finding = found(fit_of(tmp_path, sigmoids(12)))["vanishing_gradient"]
    assert finding.epoch == 1
    assert 0 < finding.value < 1e-7
    assert "The gradient of 0 is" in finding.message, "the first layer of the chain"


def test_a_short_chain_of_sigmoids_does_not(tmp_path):
    assert "vanishing_gradient" not in found(fit_of(tmp_path, sigmoids(2)))


def test_huge_inputs_let_the_gradient_explode(tmp_path):
    huge = Table(table(30).features * 1e5, table(30).labels)
    finding = found(fit_of(tmp_path, head(nn.ReLU()), (huge, huge), epochs=1))
    assert finding["exploding_gradient"].value > 1000


def test_units_that_never_wake_are_dead(tmp_path):
    module = head(nn.ReLU())
    with torch.no_grad():
        module[0].bias[:12] = -100
    finding = found(fit_of(tmp_path, module))["dead_relu"]
    assert finding.value == 12 / 16
    assert finding.message == "75% of the units of 1 were 0 for every image."


@pytest.mark.parametrize("factor", [0, 1000])
def test_first_weights_of_a_wrong_size_are_poor(tmp_path, factor):
    module = head(nn.ReLU())
    with torch.no_grad():
        module[0].weight *= factor
    finding = found(fit_of(tmp_path, module, epochs=1))["poor_initialization"]
    assert ("first weights of 0" in finding.message) == (factor == 0)
    assert ("first step lost" in finding.message) == (factor == 1000)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18", "resnet50"])
def test_the_networks_of_this_project_begin_well(name):
    network = build_network(name, 20, 64)
    for pretrained in (False, True):
        file = pretrained_file(name, None) if pretrained else None
        if file:
            load_backbone(network, file)
        begun = Layers(network, 1, Group()).start(3.0, 20)
        limit = DEFAULT.poor_initialization_scale
        assert 2 / limit < begun.scale < limit / 2, (begun, "not even near the threshold")


def test_labels_that_mean_nothing_are_overfitted_and_overtrained(tmp_path):
    data = (table(20, 0, 40, noise=True), table(30, 1, 40, noise=True))
    module = nn.Linear(40, 3)
    findings = found(fit_of(tmp_path, module, data, epochs=30, learning_rate=0.1))
    assert {"overfit", "overtraining"} == set(findings)
    assert findings["overfit"].value > 0.25


def test_a_rate_of_nothing_does_not_lower_the_loss(tmp_path):
    assert set(found(fit_of(tmp_path, nn.Linear(8, 3), learning_rate=1e-8))) == {
        "loss_not_decreasing"
    }


def test_a_stopping_rule_ends_training_and_keeps_the_best_model(tmp_path):
    data = (table(20, 0, 40, noise=True), table(30, 1, 40, noise=True))
    watch = Thresholds(stop_on_rules="vanishing_gradient,overfit")
    options = {"epochs": 30, "learning_rate": 0.1}
    fit = fit_of(tmp_path, nn.Linear(40, 3), data, watch, **options)
    progress = fit.run()
    assert fit.stopped_by and fit.stopped_by.rule == "overfit"
    assert progress.epoch == fit.stopped_by.epoch < 30
    assert progress.best_metrics.epoch < progress.epoch
    again = fit_of(tmp_path, nn.Linear(40, 3), data, watch, **options)
    assert again.run().epoch == progress.epoch, "a stopped run does not train on"
    onwards = fit_of(tmp_path, nn.Linear(40, 3), data, **options)
    assert onwards.run().epoch == 30, "unless the rule is to stop it no more"


def test_the_rules_line_is_printed_when_it_changes(tmp_path, capsys):
    fit_of(tmp_path, nn.Linear(8, 3), learning_rate=1e-8).run()
    printed = capsys.readouterr()
    lines = [line for line in printed.out.splitlines() if line.startswith("rules ")]
    assert [line.split()[1] for line in lines] == ["epoch=1", "epoch=6"]
    assert "rule:loss_not_decreasing=1" in lines[1]
    assert printed.err.count("WARNING rule loss_not_decreasing, epoch 6: In 5 epochs") == 1


def test_an_interrupted_epoch_keeps_what_its_layers_showed(tmp_path, monkeypatch):
    def epochs_of(fit):
        return fit.run().watched.epochs

    whole = epochs_of(fit_of(tmp_path / "whole", head(nn.ReLU()), epochs=3))
    torch.manual_seed(3)
    stop = StopRequest()
    broken = fit_of(tmp_path / "broken", head(nn.ReLU()), stop=stop, epochs=3)
    original = broken.layers.see
    monkeypatch.setattr(broken.layers, "see", lambda step: (original(step), ask(stop, broken)))
    with pytest.raises(Stopped):
        broken.run()
    resumed = epochs_of(fit_of(tmp_path / "broken", head(nn.ReLU()), epochs=3))
    assert resumed == whole


def ask(stop, fit):
    stop.requested = (fit.progress.epoch, fit.progress.step) == (1, 1)


def test_the_gradients_of_a_few_steps_are_looked_at_however_long_the_epoch():
    for steps in (1, 7, 8, 9, 100, 12345):
        module = nn.Linear(2, 2)
        watch = Layers(module, steps, Group())
        module(torch.ones(1, 2)).sum().backward()
        for step in range(steps):
            watch.see(step)
        assert 1 <= watch.state()["samples"] <= SAMPLES


def epochs(train, validation=None, **more) -> list[Epoch]:
    losses = zip(train, validation or train, strict=True)
    return [Epoch(n, *pair, **more) for n, pair in enumerate(losses, start=1)]


def names(history, thresholds=DEFAULT, begun=START) -> set[str]:
    return {finding.rule for finding in rules.check(begun, history, thresholds)}


def test_a_small_gradient_is_no_fault_once_the_loss_is_low():
    small = {"weakest": "fc", "weakest_rms": 1e-9}
    assert names(epochs([0.9], **small)) == {"vanishing_gradient"}
    assert names(epochs([0.4], **small)) == set()


def test_a_gradient_that_is_no_number_explodes():
    assert names(epochs([0.9], largest_norm=math.nan)) == {"exploding_gradient"}


def test_overfitting_must_last():
    wide, narrow = (0.2, 0.6), (0.2, 0.3)
    assert names(epochs(*zip(wide, wide, wide, strict=True))) == {"overfit"}
    assert names(epochs(*zip(wide, narrow, wide, strict=True))) == set()
    assert names(epochs(*zip(wide, wide, strict=True))) == set()


def test_a_loss_that_stays_where_it_is_matters_only_while_it_is_high():
    assert names(epochs([0.9] * 6)) == {"loss_not_decreasing"}
    assert names(epochs([0.1] * 6)) == set()
    assert names(epochs([0.9] * 5)) == set()
    assert names(epochs([0.9, 0.8, 0.8, 0.8, 0.8, 0.8])) == set()


def test_thresholds_are_the_users():
    history = epochs([0.2] * 3, [0.6] * 3)
    assert names(history, Thresholds(overfit_gap=0.5)) == set()
    assert names(history, Thresholds(dead_relu_share=0.1)) == {"overfit"}


def test_the_report_names_every_rule_and_is_plain_json():
    history = epochs([0.9], largest_norm=math.inf)
    findings = rules.check(START, history, DEFAULT)
    document = rules.report(findings, DEFAULT, 1, "")
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert list(document["rules"]) == list(RULES)
    assert document["rules"]["exploding_gradient"]["value"] is None
    assert document["rules"]["overfit"] is None
    assert document["thresholds"]["overfit_gap"] == DEFAULT.overfit_gap


def test_the_script_stops_by_a_rule_and_says_so_beside_the_model(tmp_path):
    channels = {
        "train": draw_photos(tmp_path / "train", 4),
        "validation": draw_photos(tmp_path / "validation", 2, seed=1),
    }
    arguments = ["--backbone=resnet18", "--pretrained=none", "--image_size=32", "--epochs=20"]
    stuck = ["--learning_rate=1e-8", "--patience=0", "--stop_on_rules=loss_not_decreasing"]
    run = start(tmp_path / "run", channels, [*arguments, *stuck])
    assert run.finish() == 0, run.text()
    document = json.loads((run.model / "rules.json").read_text())
    ended = document["rules"]["loss_not_decreasing"]["epoch"]
    assert (document["stopped_by"], document["epochs"]) == ("loss_not_decreasing", ended)
    assert f"INFO training ended in epoch {ended} by the rule loss_not_decreasing" in run.text()
    assert (run.model / "model.json").is_file()
    last = [line for line in run.text().splitlines() if line.startswith("rules ")][-1]
    assert last.startswith(f"rules epoch={ended} ") and "rule:loss_not_decreasing=1" in last
