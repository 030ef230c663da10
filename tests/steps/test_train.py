"""The training script as a whole: hosts, interruptions, stop requests, expected failures."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from pathlib import Path

import prepare
import pytest
import torch
import train

from tests.steps.launching import COLOURS, Run, draw_photos, start, start_hosts

HEAD = ["--backbone=resnet18", "--pretrained=none", "--image_size=32", "--precision=float32"]
# Random weights and frozen BatchNorm: a small rate keeps the whole network's training tame.
ALL = [*HEAD, "--fine_tune=all", "--learning_rate=0.0005", "--epochs=2", "--batch_size=7"]


@pytest.fixture(scope="module")
def channels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    return {
        "train": draw_photos(folder / "train", 8),
        "validation": draw_photos(folder / "validation", 3, seed=1),
    }


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def weights(run: Run) -> dict[str, torch.Tensor]:
    loaded: dict[str, torch.Tensor] = torch.load(run.model / "model.pt", weights_only=True)
    return loaded


def best(run: Run) -> dict[str, float]:
    document = json.loads((run.model / "model.json").read_text())
    metrics = document["provenance"]["metrics"]
    return {key: value for key, value in metrics.items() if key != "seconds"}


def finish(*runs: Run) -> None:
    for run in runs:
        assert run.finish() == 0, run.text()


def assert_same_model(one: Run, other: Run) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=1e-3, atol=1e-5, msg=name)
    for key, value in best(one).items():
        assert best(other)[key] == pytest.approx(value, rel=1e-3), key


def test_two_hosts_learn_the_same_head_as_one(channels, tmp_path, port):
    arguments = [*HEAD, "--epochs=4", "--batch_size=7"]  # 24 images: a last batch of 3
    alone = start(tmp_path / "alone", channels, arguments)
    pair = start_hosts(tmp_path / "pair", [channels, channels], arguments, port)
    finish(alone, *pair)
    assert_same_model(alone, pair[0])
    assert "Warning" not in pair[0].text() + pair[1].text()
    assert pair[0].metrics()[-1].split()[1:2] == alone.metrics()[-1].split()[1:2]
    assert not pair[1].model.exists(), "only the first host writes"
    assert pair[1].metrics() == []


def test_two_hosts_learn_the_same_whole_network_as_one(channels, tmp_path, port):
    alone = start(tmp_path / "alone", channels, ALL)
    pair = start_hosts(tmp_path / "pair", [channels, channels], ALL, port)
    finish(alone, *pair)
    assert_same_model(alone, pair[0])


@pytest.mark.parametrize("arguments", [[*HEAD, "--epochs=3", "--batch_size=7"], ALL])
def test_two_hosts_with_half_of_the_images_each_learn_the_same_as_one(
    channels, tmp_path, port, arguments
):
    whole = prepared(tmp_path)
    halves = [half_of(whole, tmp_path / f"half{host}", host) for host in (0, 1)]
    alone = start(tmp_path / "alone", whole, arguments)
    pair = start_hosts(tmp_path / "pair", halves, arguments, port)
    finish(alone, *pair)
    assert_same_model(alone, pair[0])


def prepared(folder: Path) -> dict[str, Path]:
    """The channels that prepare.py makes of small photos."""
    photos, splits = draw_photos(folder / "source", 12), folder / "splits"
    options = {
        "--input": str(photos),
        "--source-uri": "s3://bucket/photos",
        "--output": str(splits),
        "--statistics": str(folder / "statistics"),
        "--data-type": "S3Prefix",
    }
    assert prepare.main([part for pair in options.items() for part in pair]) == 0
    return {
        "train": splits / "train" / "S3Prefix",
        "validation": splits / "validation" / "S3Prefix",
        "dataset": splits / "dataset",
    }


def half_of(channels: dict[str, Path], folder: Path, host: int) -> dict[str, Path]:
    """What ShardedByS3Key gives one of two hosts: every second file of each channel."""
    result = dict(channels)
    for name in ("train", "validation"):
        files = sorted(path for path in channels[name].rglob("*.*") if path.is_file())
        for path in files[host::2]:
            copy = folder / name / path.relative_to(channels[name])
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
        result[name] = folder / name
    return result


MANY = [*HEAD, "--epochs=60", "--patience=0"]
WHOLE = [*ALL, "--epochs=3", "--batch_size=4", "--patience=0"]


@pytest.fixture(scope="module")
def uninterrupted(channels, tmp_path_factory):
    """The runs that the interrupted ones must equal, by their arguments."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    runs = [start(folder / str(at), channels, kind) for at, kind in enumerate((MANY, WHOLE))]
    finish(*runs)
    return {"head": runs[0], "all": runs[1]}


def assert_identical(one: Run, other: Run) -> None:
    assert one.metrics()[-1] == other.metrics()[-1]
    assert best(one) == best(other)
    for name, value in weights(one).items():
        assert torch.equal(weights(other)[name], value), name


@pytest.mark.parametrize(
    ("kind", "arguments", "epoch"), [("head", MANY, 5), ("all", WHOLE, 1)], ids=["head", "all"]
)
def test_a_killed_run_goes_on_to_the_very_same_model(
    channels, tmp_path, uninterrupted, kind, arguments, epoch
):
    broken = start(tmp_path, channels, arguments)
    broken.wait_for(f"metrics epoch={epoch + 1} ")  # by then the epoch before was saved
    broken.process.kill()
    assert broken.finish() == -signal.SIGKILL
    resumed = start(tmp_path, channels, arguments)
    finish(resumed)
    assert "INFO resuming after epoch" in resumed.text()
    assert len(resumed.metrics()) < len(uninterrupted[kind].metrics())
    assert_identical(resumed, uninterrupted[kind])


def test_a_stop_request_in_mid_epoch_saves_and_goes_on_to_the_very_same_model(
    channels, tmp_path, uninterrupted
):
    stopped = start(tmp_path, channels, WHOLE)
    stopped.wait_for("metrics epoch=1 ")
    stopped.process.terminate()
    assert stopped.finish() == 0, stopped.text()
    assert "INFO stopped as asked" in stopped.text()
    assert (stopped.model / "model.json").is_file(), "the best model so far"
    resumed = start(tmp_path, channels, WHOLE)
    finish(resumed)
    assert "INFO resuming after epoch 1, step" in resumed.text()
    assert_identical(resumed, uninterrupted["all"])


def test_a_stop_request_to_one_host_stops_all(channels, tmp_path, port):
    arguments = [*HEAD, "--epochs=9999", "--patience=0"]
    pair = start_hosts(tmp_path, [channels, channels], arguments, port)
    pair[0].wait_for("metrics epoch=3 ")
    pair[1].process.terminate()
    finish(*pair)
    assert pair[0].metrics()[-1] in pair[0].metrics()[:-1], "the best epoch's line again"


def test_a_stop_request_while_features_are_computed_is_heard_at_once(tmp_path):
    channels = {
        "train": draw_photos(tmp_path / "train", 200),
        "validation": draw_photos(tmp_path / "validation", 1, seed=1),
    }
    arguments = [*HEAD, "--image_size=224", "--epochs=1"]  # 1,200 passes: tens of seconds
    run = start(tmp_path / "run", channels, arguments)
    run.wait_for("INFO images: 600 train")
    time.sleep(0.5)
    run.process.terminate()
    assert run.finish(20) == 0, run.text()
    assert "features on" not in run.text()
    assert "no model" not in run.text()


def test_a_host_that_does_not_come_is_named(channels, tmp_path, port):
    run = start(
        tmp_path,
        channels,
        HEAD,
        SM_HOSTS='["algo-1", "algo-2"]',
        SM_CURRENT_HOST="algo-1",
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        BREEDLINE_CONNECT_SECONDS="1",
    )
    assert run.finish() == 1
    assert "algo-2 did not come to 127.0.0.1" in (run.output / "failure").read_text()


def test_the_host_left_behind_by_a_killed_one_says_so(channels, tmp_path, port):
    arguments = [*HEAD, "--epochs=9999", "--patience=0"]
    pair = start_hosts(tmp_path, [channels, channels], arguments, port)
    pair[0].wait_for("metrics epoch=3 ")
    pair[1].process.kill()
    assert pair[0].finish() == 1
    failure = (pair[0].output / "failure").read_text()
    assert failure.startswith("algo-1, process 0 lost contact with the other processes")
    assert "Traceback" not in pair[0].text()


def test_patience_ends_training_and_the_best_epoch_is_kept(channels, tmp_path):
    # A rate so high that the validation loss soon rises.
    arguments = [*HEAD, "--epochs=200", "--patience=2", "--learning_rate=0.3"]
    run = start(tmp_path, channels, arguments)
    finish(run)
    *epochs, last = run.metrics()
    assert len(epochs) < 200
    losses = [float(re.findall(r"validation:loss=([0-9.eE+-]+)", line)[0]) for line in epochs]
    assert losses.index(min(losses)) == len(losses) - 3
    assert last == epochs[-3]


def test_a_diverging_run_says_which_hyperparameter_to_lower(channels, tmp_path):
    run = start(tmp_path, channels, [*ALL, "--learning_rate=10", "--epochs=30"])
    assert run.finish() == 1
    failure = (run.output / "failure").read_text()
    assert re.fullmatch(
        r"The training loss is not finite in epoch \d+; lower learning_rate \(now 10\)\.", failure
    )


def test_an_unreadable_image_is_named(channels, tmp_path):
    photos = draw_photos(tmp_path / "train", 2)
    (photos / "amber" / "000.png").write_bytes(b"no image")
    run = start(tmp_path / "run", {**channels, "train": photos}, HEAD)
    assert run.finish() == 1
    assert "amber/000.png does not open" in (run.output / "failure").read_text()
    assert "Traceback" not in run.text()


def test_a_frozen_backbone_without_weights_is_refused_with_the_ways_out(channels, tmp_path):
    run = start(tmp_path, channels, ["--backbone=resnet18", "--image_size=32"])
    assert run.finish() == 1
    failure = (run.output / "failure").read_text()
    assert "no pretrained weights for resnet18" in failure
    assert "set fine_tune=all" in failure


def test_the_artifact_names_classes_and_provenance(channels, tmp_path):
    run = start(tmp_path, channels, [*HEAD, "--epochs=1", "--hidden_units=6"])
    finish(run)
    document = json.loads((run.model / "model.json").read_text())
    assert document["classes"] == list(COLOURS)
    assert document["hidden_units"] == 6
    assert document["preprocessing"]["image_size"] == 32
    assert document["provenance"]["hyperparameters"]["epochs"] == 1
    assert len(document["provenance"]["data_digest"]) == 64
    assert "epoch=1 " in run.text()


def test_wrong_hyperparameters_are_told_before_torch_is_loaded(tmp_path, capsys):
    status = train.main(["--epochs", "0"], {"SM_OUTPUT_DIR": str(tmp_path)})
    assert status == 1
    failure = (tmp_path / "failure").read_text()
    assert "The hyperparameter epochs is '0'" in failure
    assert "The channel train is missing" in failure
    assert capsys.readouterr().out == ""
