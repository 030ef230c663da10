"""Training jobs run for real: statuses, artifacts, failures, limits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.errors import ApiError
from tests.local.jobs.conftest import BUCKET, archive, pack, training_request

TRAIN = """
import json, os, sys
print("metrics epoch=1 loss=0.75", flush=True)
print("metrics epoch=2 loss=0.5", flush=True)
open(os.path.join(os.environ["SM_MODEL_DIR"], "model.json"), "w").write(json.dumps(sys.argv[1:]))
open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "notes.txt"), "w").write("kept")
"""


def test_a_script_runs_and_leaves_its_model_output_metrics_and_log(trainer):
    done = trainer.run(
        "first",
        TRAIN,
        HyperParameters={"epochs": "2", "backbone": '"resnet18"'},
        AlgorithmSpecification={
            "TrainingImage": "image",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        },
    )
    assert done["TrainingJobStatus"] == done["SecondaryStatus"] == "Completed", done
    assert done["ModelArtifacts"] == {
        "S3ModelArtifacts": f"s3://{BUCKET}/out/first/output/model.tar.gz"
    }
    model = archive(trainer.backend, done["ModelArtifacts"]["S3ModelArtifacts"])
    assert json.loads(model["model.json"]) == ["--backbone", "resnet18", "--epochs", "2"]
    output = archive(trainer.backend, f"s3://{BUCKET}/out/first/output/output.tar.gz")
    assert output == {"notes.txt": b"kept"}
    assert [(m["MetricName"], m["Value"]) for m in done["FinalMetricDataList"]] == [("loss", 0.5)]
    assert trainer.log("first") == ["metrics epoch=1 loss=0.75", "metrics epoch=2 loss=0.5"]


def test_statuses_move_as_on_aws(trainer):
    done = trainer.run("moving", "print('hello')")
    transitions = done["SecondaryStatusTransitions"]
    assert [t["Status"] for t in transitions] == [
        *("Starting", "Downloading", "Training", "Uploading", "Completed")
    ]
    assert all(t["StatusMessage"] and t["StartTime"] <= t["EndTime"] for t in transitions)
    assert done["CreationTime"] <= done["TrainingStartTime"] <= done["TrainingEndTime"]
    assert done["BillableTimeInSeconds"] >= 1


def test_a_name_is_used_once(trainer):
    trainer.run("once", "pass")
    with pytest.raises(ApiError) as caught:
        trainer.jobs.create(training_request("once"))
    assert caught.value.code == "ResourceInUse"


def test_an_exception_becomes_the_failure_reason(trainer):
    done = trainer.run("broken", "raise ValueError('no images in train/')")
    assert done["TrainingJobStatus"] == "Failed"
    assert done["FailureReason"] == (
        "AlgorithmError: ValueError: no images in train/, exit code: 1"
    )


def test_the_failure_file_has_the_last_word(trainer):
    script = """
    import pathlib, sys
    pathlib.Path("/opt/ml/output/failure").write_text("the learning rate must be positive")
    sys.exit(3)
    """.replace(
        '"/opt/ml/output/failure"', '__import__("os").environ["SM_OUTPUT_DIR"] + "/failure"'
    )
    done = trainer.run("explained", script)
    assert done["FailureReason"] == (
        "AlgorithmError: the learning rate must be positive, exit code: 3"
    )


def test_a_host_killed_from_outside_is_an_internal_error(trainer):
    done = trainer.run("killed", "import os; os.kill(os.getpid(), 9)")
    assert done["FailureReason"] == (
        "InternalServerError: host algo-1 was lost (killed by signal 9)."
    )


def test_missing_data_fails_the_job_as_aws_does(trainer):
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/nothing/"}
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
    done = trainer.run("hungry", "pass", InputDataConfig=[channel])
    assert done["FailureReason"].startswith(
        f"ClientError: Data download failed: No objects at s3://{BUCKET}/nothing/"
    )


REFUSED: dict[str, dict[str, Any]] = {
    "only supported when EnableManagedSpotTraining": {
        "StoppingCondition": {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 2}
    },
    "must be present and be greater": {"EnableManagedSpotTraining": True},
    "'train' asks for InputMode Pipe": {"InputMode": "Pipe"},
    "'train' asks for RecordWrapperType RecordIO": {"RecordWrapperType": "RecordIO"},
    "'train' reads from FileSystemDataSource": {"DataSource": {"FileSystemDataSource": {}}},
    "needs AttributeNames": {
        "DataSource": {"S3DataSource": {"S3DataType": "AugmentedManifestFile", "S3Uri": "s3://b/k"}}
    },
    "does not run MPI": {"HyperParameters": {"sagemaker_mpi_enabled": "true"}},
    "needs an InstanceType": {"ResourceConfig": {"VolumeSizeInGB": 1}},
    "metric 'loss' is not a regular expression": {"Regex": "loss=("},
    "metric 'loss' has no group": {"Regex": "loss=.*"},
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_run_here_is_refused_at_once(trainer, words):
    change = dict(REFUSED[words])
    asked = training_request("refused")
    if "Regex" in change:
        asked["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "loss", **change}]
    elif change.keys() & {"InputMode", "RecordWrapperType", "DataSource"}:
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/k"}}
        asked["InputDataConfig"] = [{"ChannelName": "train", "DataSource": source} | change]
    else:
        asked |= change
    with pytest.raises(ApiError, match=words) as caught:
        trainer.jobs.create(asked)
    assert caught.value.code == "ValidationException"
    assert not trainer.backend.store.find("TrainingJob", "refused")


def test_a_deleted_job_leaves_nothing_to_the_next_of_its_name(trainer):
    trainer.run("twice", "raise ValueError('the first')")
    trainer.jobs.actions["DeleteTrainingJob"]({"TrainingJobName": "twice"})
    done = trainer.run("twice", "import sys; sys.exit(2)")
    assert done["FailureReason"] == "AlgorithmError: the script failed, exit code: 2"


def test_code_may_come_through_a_channel(trainer):
    trainer.backend.objects.write(BUCKET, "own/sourcedir.tar.gz", pack({"train.py": "print(1)"}))
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/own/"}
    done = trainer.run(
        "isolated",
        "pass",
        HyperParameters={
            "sagemaker_submit_directory": '"/opt/ml/input/data/code/sourcedir.tar.gz"'
        },
        InputDataConfig=[{"ChannelName": "code", "DataSource": {"S3DataSource": source}}],
    )
    assert done["TrainingJobStatus"] == "Completed", done
    assert trainer.log("isolated") == ["1"]


def test_every_metric_value_is_told_and_charted(trainer):
    asked = {"Name": "loss", "Regex": "loss=([0-9.nan]+)"}
    told: list[tuple[str, float]] = []
    key = f"s3://{BUCKET}/told.tar.gz"
    script = "print('loss=0.5\\nloss=nan\\nno\\nloss=0.25')"
    trainer.backend.objects.write(BUCKET, "told.tar.gz", pack({"train.py": script}))
    request = training_request(
        "told",
        HyperParameters={"sagemaker_program": "train.py", "sagemaker_submit_directory": key},
    )
    request["AlgorithmSpecification"]["MetricDefinitions"] = [asked]
    trainer.jobs.create(request, on_metric=lambda name, value, time: told.append((name, value)))
    trainer.wait("told")
    assert told == [("loss", 0.5), ("loss", 0.25)]
    charted = trainer.backend.metrics._backend.metric_data
    assert [(point.name, point.value) for point in charted] == told
