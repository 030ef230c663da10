"""The command line and SageMaker's variables."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hyperparameters import Hyperparameters, SettingsProblem, read_job

CHANNELS = {"SM_CHANNEL_TRAIN": "/data/train", "SM_CHANNEL_VALIDATION": "/data/validation"}


def problems(arguments, environment=CHANNELS):
    with pytest.raises(SettingsProblem) as caught:
        read_job(arguments, environment)
    return str(caught.value).splitlines()


def test_values_are_read_with_their_types():
    arguments = ["--backbone", "resnet50", "--learning_rate=1e-2", "--batch_size", "32.0"]
    job = read_job(arguments, CHANNELS)
    assert job.hyperparameters == Hyperparameters(
        backbone="resnet50", learning_rate=0.01, batch_size=32
    )
    assert job.folders.train == Path("/data/train")
    assert job.folders.dataset is None
    assert job.placement.hosts == ("algo-1",)


def test_all_problems_are_told_at_once_one_sentence_each():
    found = problems(
        ["--epochs", "0", "--learning_rate", "nan", "--batch_size=1.5", "--optimizer=sgd"],
        {"SM_CHANNEL_TRAIN": "/data/train", "SM_HOSTS": '["a"]', "SM_CURRENT_HOST": "b"},
    )
    assert len(found) == 6
    text = "\n".join(found)
    assert "The hyperparameter optimizer is unknown; known are backbone, " in text
    assert "The hyperparameter epochs is '0'; it must be a whole number from 1 to 10000." in text
    assert "The hyperparameter learning_rate is 'nan'; it must be a number" in text
    assert "The hyperparameter batch_size is '1.5'" in text
    assert "The channel validation is missing" in text
    assert "SM_CURRENT_HOST is 'b'; SM_HOSTS names a." in text


@pytest.mark.parametrize("argument", ["--seed=1e400", "--seed=", "--seed", "--backbone=vgg16"])
def test_a_value_that_cannot_be_read_is_a_problem(argument):
    (found,) = problems([argument])
    assert "it must be" in found


def test_the_platforms_own_hyperparameters_are_passed_over():
    arguments = ["--_tuning_objective_metric", "validation:loss", "--sagemaker_region=eu-west-1"]
    assert read_job(arguments, CHANNELS).hyperparameters == Hyperparameters()


def test_help_gives_meaning_bounds_and_default_of_every_hyperparameter(capsys):
    with pytest.raises(SystemExit):
        read_job(["--help"], CHANNELS)
    text = " ".join(capsys.readouterr().out.split())
    for entry in fields(Hyperparameters):
        assert f"--{entry.name}" in text
        assert f"default {entry.default})" in text


def test_hosts_are_in_the_same_order_on_each():
    environment = {**CHANNELS, "SM_HOSTS": '["algo-2","algo-1"]', "SM_CURRENT_HOST": "algo-2"}
    placement = read_job([], environment).placement
    assert placement.hosts == ("algo-1", "algo-2")
    assert (placement.address, placement.port) == ("algo-1", 7777)


def test_features_lie_beside_the_checkpoints_unless_told_otherwise():
    folders = read_job([], {**CHANNELS, "SM_CHECKPOINT_DIR": "/c"}).folders
    assert folders.feature_cache == Path("/c/features")
    folders = read_job([], {**CHANNELS, "BREEDLINE_FEATURE_CACHE": "/f"}).folders
    assert folders.feature_cache == Path("/f")
