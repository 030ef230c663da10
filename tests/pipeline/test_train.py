"""The Train step, and what it shares with Tune."""

import re
from typing import Any

import pytest
import rules
import thresholds

from pipeline.train import metric_definitions
from tests.pipeline.examples import changed, compiled, steps_of

SPLITS = {"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['splits'].S3Output.S3Uri"}
LINE = (
    "metrics epoch=3 train:loss=0.5123 train:accuracy=0.9 validation:loss=3.1e-05 "
    "validation:accuracy=0.91 seconds=0.42"
)


def channels_of(step) -> dict[str, Any]:
    arguments = step["Arguments"].get("TrainingJobDefinition", step["Arguments"])
    return {item["ChannelName"]: item for item in arguments["InputDataConfig"]}


def test_train_takes_the_tuned_values_of_the_best_trial_as_they_are(steps, local):
    hyperparameters = steps["Train"]["Arguments"]["HyperParameters"]
    for name in local.tuning.ranges:
        best = {"Get": f"Steps.Tune.BestTrainingJob.TunedHyperParameters['{name}']"}
        assert hyperparameters[name] == {"Std:Join": {"On": "", "Values": [best]}}


def test_tune_and_train_together_set_every_hyperparameter_once(steps, local):
    tune = steps["Tune"]["Arguments"]["TrainingJobDefinition"]["StaticHyperParameters"]
    train = steps["Train"]["Arguments"]["HyperParameters"]
    ours = {name for name in train if not name.startswith("sagemaker_")}
    assert ours == {name for name in tune if not name.startswith("sagemaker_")} | set(
        local.tuning.ranges
    )
    assert {"backbone", "fine_tune", "epochs", "patience", "seed", "image_size"} < ours
    assert not set(tune) & set(local.tuning.ranges)


def test_script_mode_finds_its_program_in_the_code_package(steps):
    hyperparameters = steps["Train"]["Arguments"]["HyperParameters"]
    assert hyperparameters["sagemaker_program"] == '"train.py"'
    assert re.fullmatch(
        r'"s3://.+/code/train-\w{32}/sourcedir\.tar\.gz"',
        hyperparameters["sagemaker_submit_directory"],
    )


@pytest.mark.parametrize("name", ["Tune", "Train"])
def test_channels_name_their_object_after_its_data_type(steps, name):
    channels = channels_of(steps[name])
    assert set(channels) == {"train", "validation", "dataset"}
    for split in ("train", "validation"):
        source = channels[split]["DataSource"]["S3DataSource"]
        kind = {"Get": "Parameters.TrainingDataType"}
        assert source["S3DataType"] == kind
        assert source["S3Uri"]["Std:Join"]["Values"] == [SPLITS, split, kind]
    dataset = channels["dataset"]["DataSource"]["S3DataSource"]
    assert dataset["S3Uri"]["Std:Join"]["Values"] == [SPLITS, "dataset"]


def test_only_the_train_channel_may_be_sharded(steps):
    kinds = {
        name: channel["DataSource"]["S3DataSource"]["S3DataDistributionType"]
        for name, channel in channels_of(steps["Train"]).items()
    }
    assert kinds == {
        "train": {"Get": "Parameters.TrainingDataDistribution"},
        "validation": "FullyReplicated",
        "dataset": "FullyReplicated",
    }


def test_pretrained_weights_are_a_channel_where_the_settings_name_them(local):
    uri = "s3://weights/resnet50.pt"
    steps = steps_of(compiled(changed(local, "model", pretrained_uri=uri)))
    for name in ("Tune", "Train"):
        source = channels_of(steps[name])["pretrained"]["DataSource"]["S3DataSource"]
        assert source["S3Uri"] == uri


@pytest.mark.parametrize("name", ["Tune", "Train"])
def test_checkpoints_hang_from_what_prepare_wrote_and_are_not_shared(steps, name):
    arguments = steps[name]["Arguments"]
    config = arguments.get("TrainingJobDefinition", arguments)["CheckpointConfig"]
    assert config["S3Uri"]["Std:Join"] == {
        "On": "/",
        "Values": [SPLITS, "checkpoints", name.lower()],
    }


@pytest.mark.parametrize("name", ["Tune", "Train"])
@pytest.mark.parametrize("spot", [True, False])
def test_a_waiting_time_is_given_with_spot_alone(local, name, spot):
    steps = steps_of(compiled(changed(local, "spot", enabled=spot, max_wait_seconds=9_000)))
    arguments = steps[name]["Arguments"]
    job = arguments.get("TrainingJobDefinition", arguments)
    assert job["EnableManagedSpotTraining"] == {"Get": "Parameters.UseSpot"}
    assert job["StoppingCondition"].get("MaxWaitTimeInSeconds") == (9_000 if spot else None)


def test_one_regular_expression_reads_each_metric():
    found = {
        item["Name"]: re.search(item["Regex"], LINE).group(1)  # type: ignore[union-attr]
        for item in metric_definitions()
        if not item["Name"].startswith("rule:")
    }
    assert found == {
        "train:loss": "0.5123",
        "train:accuracy": "0.9",
        "validation:loss": "3.1e-05",
        "validation:accuracy": "0.91",
    }


def test_a_gpu_instance_type_gets_the_gpu_image(local):
    steps = steps_of(compiled(changed(local, "training", instance_type="ml.g5.xlarge")))
    image = steps["Train"]["Arguments"]["AlgorithmSpecification"]["TrainingImage"]
    assert "-gpu-" in image
    tuning = steps["Tune"]["Arguments"]["TrainingJobDefinition"]["AlgorithmSpecification"]
    assert "-cpu-" in tuning["TrainingImage"]


def test_each_rule_that_watches_training_is_a_metric_of_its_own():
    line = rules.line(4, {"overfit"})
    found = {
        item["Name"]: re.search(item["Regex"], line).group(1)  # type: ignore[union-attr]
        for item in metric_definitions()
        if item["Name"].startswith("rule:")
    }
    assert found == {f"rule:{name}": str(int(name == "overfit")) for name in thresholds.RULES}
    assert len(metric_definitions()) <= 40, "SageMaker's limit"
