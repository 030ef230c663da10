"""The task of an instance: the pipeline's own steps, with everything known in it."""

import dataclasses
import json
from typing import Any

import pytest
from hyperparameters import read_job
from instance_figures import passes, resolve

from errors import BreedlineError
from pipeline.ec2.task import Training, compile_task

REPORT: dict[str, Any] = {
    "multiclass_classification_metrics": {"accuracy": {"value": 0.9}},
    "breedline": {
        "champion": {"accuracy": 0.0, "accuracy_to_beat": 0.0},
        "data_digest": "d1",
    },
}


@pytest.fixture
def task(training, definition):
    return compile_task(training, definition, {"Epochs": "2"})


def test_all_references_are_replaced(task):
    text = json.dumps(task)
    assert '"Get"' not in text
    assert "manifest" not in text.lower()
    assert json.loads(text) == task


def test_the_training_script_takes_the_hyperparameters(task):
    given = task["train"]["hyperparameters"]
    options = [part for name, value in given.items() for part in (f"--{name}", value)]
    job = read_job(options, {"SM_CHANNEL_TRAIN": "t", "SM_CHANNEL_VALIDATION": "v"})
    assert (job.hyperparameters.epochs, job.hyperparameters.backbone) == (2, "efficientnet_lite0")
    assert job.hyperparameters.learning_rate == 0.002  # the settings' own, since nothing tunes it


def test_the_scripts_read_what_prepare_wrote_on_the_same_machine(task):
    prepare, evaluate = task["prepare"]["arguments"], task["evaluate"]["arguments"]
    assert prepare[prepare.index("--data-type") + 1] == "S3Prefix"
    assert not [name for name in prepare if name.startswith(("--feature", "--embedding"))]
    splits = prepare[prepare.index("--output") + 1]
    assert evaluate[evaluate.index("--test") + 1] == f"{splits}/test/S3Prefix"
    assert evaluate[evaluate.index("--dataset") + 1] == f"{splits}/dataset"


def test_the_model_package_is_the_pipelines_with_this_trainings_places(task, training):
    request = resolve(task["register"], REPORT)
    (container,) = request["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == f"{training.place}/train/model.tar.gz"
    assert request["CustomerMetadataProperties"] == {
        "accuracy": "0.9",
        "data_digest": "d1",
        "ec2_training": "try-1",
        "smoke-samples": f"{training.place}/evaluate/samples",
    }
    assert request["ModelApprovalStatus"] == "PendingManualApproval"


def test_the_gate_holds_a_model_to_the_threshold_and_the_champion(task):
    conditions = task["gate"]["conditions"]
    assert passes(conditions, REPORT)
    better = {**REPORT["breedline"], "champion": {"accuracy": 0.95, "accuracy_to_beat": 0.95}}
    assert not passes(conditions, {**REPORT, "breedline": better})
    low = {"accuracy": {"value": 0.7}}
    assert not passes(conditions, {**REPORT, "multiclass_classification_metrics": low})
    said = resolve(task["gate"]["message"], REPORT)
    assert said.startswith("The model is rejected: its test accuracy is 0.9; the threshold is 0.8")


def test_a_later_training_finds_the_checkpoints_of_an_equal_one(training, definition, task):
    later = compile_task(Training(training.settings, "try-2"), definition, {"Epochs": "2"})
    other = compile_task(training, definition, {"Epochs": "3"})
    assert later["checkpoints"] == task["checkpoints"] != other["checkpoints"]
    assert later["place"] != task["place"]


def test_a_wrong_parameter_is_told(training, definition):
    with pytest.raises(BreedlineError, match="no parameter Epoch .did you mean Epochs"):
        compile_task(training, definition, {"Epoch": "2"})


def test_a_reference_that_one_machine_cannot_know_is_told(training, definition):
    text = json.dumps(definition).replace("Steps.Train.ModelArtifacts", "Steps.Other.Artifacts")
    with pytest.raises(BreedlineError, match=r"Steps\.Other\.Artifacts.*run `python definitions"):
        compile_task(training, json.loads(text), {})


def test_another_kind_of_model_is_told(training, definition):
    workload = dataclasses.replace(training.settings.workload, kind="tabular-regression")
    tabular = dataclasses.replace(training.settings, workload=workload)
    with pytest.raises(BreedlineError, match="workload.kind is 'tabular-regression'"):
        compile_task(Training(tabular, "try-1"), definition, {})
