"""`local interrupt` on a real training job: it goes on from its checkpoint, and no epoch twice."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

import settings
from provision.packages import build
from tests.steps.launching import draw_photos

ROOT = Path(__file__).parents[2]
EPOCHS = 150
# Of the head alone: an epoch takes milliseconds, and its checkpoint is small.
ARGUMENTS = {
    "backbone": "resnet18",
    "pretrained": "none",
    "image_size": "32",
    "batch_size": "8",
    "patience": "0",
    "epochs": str(EPOCHS),
}


@pytest.fixture(scope="module")
def bucket(account, tmp_path_factory):
    """A bucket with the training script's package and a few photos."""
    s3, folder = account.client("s3"), tmp_path_factory.mktemp("photos")
    loaded = settings.load("local")
    s3.create_bucket(
        Bucket=loaded.bucket,
        CreateBucketConfiguration={"LocationConstraint": loaded.aws.region},
    )
    build(loaded, ROOT / "steps")["train"].upload(s3)
    for split, count in (("train", 12), ("validation", 2)):
        for path in draw_photos(folder / split, count).rglob("*.png"):
            s3.upload_file(str(path), loaded.bucket, str(path.relative_to(folder)))
    return loaded.bucket


def start(account, bucket, name):
    def channel(split):
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{split}"}
        return {"ChannelName": split, "DataSource": {"S3DataSource": source}}

    code = build(settings.load("local"), ROOT / "steps")["train"].uri
    own = {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": f'"{code}"'}
    account.client("sagemaker").create_training_job(
        TrainingJobName=name,
        HyperParameters={**own, **ARGUMENTS},
        AlgorithmSpecification={
            "TrainingImage": "pytorch",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "epoch", "Regex": r"epoch=(\d+)"}],
        },
        RoleArn="arn:aws:iam::123456789012:role/any",
        InputDataConfig=[channel("train"), channel("validation")],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 200, "MaxWaitTimeInSeconds": 200},
        EnableManagedSpotTraining=True,
        CheckpointConfig={"S3Uri": f"s3://{bucket}/checkpoints"},
    )


def printed(account, name) -> list[str]:
    logs, group = account.client("logs"), "/aws/sagemaker/TrainingJobs"
    try:
        answer = logs.filter_log_events(logGroupName=group, logStreamNamePrefix=f"{name}/")
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for event in answer["events"]]


def wait_for(account, name, holds):
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, printed(account, name)
        time.sleep(0.05)


def test_an_interrupted_training_trains_no_epoch_twice(account, bucket, call):
    start(account, bucket, "spot")
    wait_for(account, "spot", lambda: any("epoch=2 " in line for line in printed(account, "spot")))
    done = call("local", "interrupt", "spot", "--json")
    assert done.code == 0 and done.result == {"job": "spot", "away_seconds": 0.0}
    client = account.client("sagemaker")

    def ended():
        state = client.describe_training_job(TrainingJobName="spot")["TrainingJobStatus"]
        return state in ("Completed", "Failed", "Stopped")

    wait_for(account, "spot", ended)
    described = client.describe_training_job(TrainingJobName="spot")
    assert described["TrainingJobStatus"] == "Completed"
    statuses = [change["Status"] for change in described["SecondaryStatusTransitions"]]
    assert statuses.count("Training") == 2 and "Interrupted" in statuses
    lines = printed(account, "spot")
    assert sum("INFO resuming after epoch" in line for line in lines) == 1
    epochs = [int(n) for line in lines for n in re.findall(r"^metrics epoch=(\d+) ", line)]
    # Each epoch once; the notice and the end both repeat the line of the best epoch so far.
    once = sorted(epochs)
    for best in (epochs[-1], epochs[_begun_again(lines) - 1]):
        once.remove(best)
    assert once == list(range(1, EPOCHS + 1))


def _begun_again(lines: list[str]) -> int:
    """How many metric lines were printed before training was resumed."""
    resumed = next(at for at, line in enumerate(lines) if "INFO resuming" in line)
    return sum(line.startswith("metrics ") for line in lines[:resumed])


def test_what_cannot_be_interrupted_is_told_in_one_sentence(call):
    for arguments, words in (
        (("interrupt",), "wants the name of a training job"),
        (("interrupt", "nobody"), "There is no training job named 'nobody'."),
        (("interrupt", "nobody", "--away", "9999999"), "Capacity can be away for 0 to"),
    ):
        done = call("local", *arguments)
        assert done.code == 1 and done.out == ""
        assert words in done.err and done.err.count("\n") == 1
