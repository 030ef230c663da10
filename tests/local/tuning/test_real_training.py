"""Tuning over real training jobs: scripts that run as processes and print their objective."""

from __future__ import annotations

import io
import json
import tarfile
import textwrap

import pytest

from local.jobs.training import TrainingJobs
from local.sagemaker import SageMaker
from local.tuning import TuningJobs
from tests.local.tuning.fake_training import METRIC, request

KIND = "HyperParameterTuningJob"
BOWL = """
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=float)
parser.add_argument("--epochs", type=int)
parser.add_argument("--kind")
arguments = parser.parse_args()
assert arguments.kind == "wide"
for epoch in range(arguments.epochs):
    print(f"epoch={epoch} validation:loss={arguments.width ** 2 + 1 / (1 + epoch):.6f}", flush=True)
"""
ENDLESS = """
import argparse, time

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=float)
arguments, _ = parser.parse_known_args()
print(f"validation:loss={arguments.width}", flush=True)
time.sleep(600 if arguments.width > 5 else 0)
"""


@pytest.fixture
def sagemaker(backend):
    """Training and tuning put together as the server does."""
    table = SageMaker()
    training = TrainingJobs(backend)
    table.add([training, TuningJobs(backend, training.create, table.call)])
    return table


def write_code(backend, text: str) -> dict[str, str]:
    """Upload a script as the SDK does; the hyperparameters that name it."""
    body = textwrap.dedent(text).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("train.py")
        member.size = len(body)
        tar.addfile(member, io.BytesIO(body))
    backend.objects.write("bucket", "code/sourcedir.tar.gz", packed.getvalue())
    return {
        "sagemaker_program": json.dumps("train.py"),
        "sagemaker_submit_directory": json.dumps("s3://bucket/code/sourcedir.tar.gz"),
    }


def run(backend, sagemaker, asked):
    sagemaker.call("CreateHyperParameterTuningJob", asked)
    name = asked["HyperParameterTuningJobName"]
    backend.store.wait(KIND, name, lambda d: "HyperParameterTuningEndTime" in d, timeout=120)
    return sagemaker.call("DescribeHyperParameterTuningJob", {"HyperParameterTuningJobName": name})


def test_real_scripts_are_tuned_from_the_plain_request(backend, sagemaker):
    asked = request(
        Strategy="Bayesian",
        ResourceLimits={"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
        ParameterRanges={
            "ContinuousParameterRanges": [{"Name": "width", "MinValue": "-1", "MaxValue": "1"}],
            "CategoricalParameterRanges": [{"Name": "kind", "Values": ['"wide"']}],
        },
    )
    asked["TrainingJobDefinition"]["StaticHyperParameters"] |= write_code(backend, BOWL)
    answer = run(backend, sagemaker, asked)
    assert answer["HyperParameterTuningJobStatus"] == "Completed", answer.get("FailureReason")
    assert answer["ObjectiveStatusCounters"]["Succeeded"] == 4
    best = answer["BestTrainingJob"]
    width = float(best["TunedHyperParameters"]["width"])
    value = best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    assert value == pytest.approx(width**2 + 1 / 3, abs=1e-5)
    job = sagemaker.call("DescribeTrainingJob", {"TrainingJobName": best["TrainingJobName"]})
    assert job["TuningJobArn"] == answer["HyperParameterTuningJobArn"]
    assert job["HyperParameters"]["_tuning_objective_metric"] == METRIC


def test_a_real_script_that_does_badly_is_stopped_early(backend, sagemaker):
    asked = request(
        jobs=None,
        Strategy="Grid",
        TrainingJobEarlyStoppingType="Auto",
        ParameterRanges={
            "CategoricalParameterRanges": [{"Name": "width", "Values": ["1", "2", "9", "0.5"]}]
        },
    )
    asked["TrainingJobDefinition"]["StaticHyperParameters"] |= write_code(backend, ENDLESS)
    answer = run(backend, sagemaker, asked)
    assert answer["HyperParameterTuningJobStatus"] == "Completed", answer.get("FailureReason")
    counters = answer["TrainingJobStatusCounters"]
    assert (counters["Completed"], counters["Stopped"]) == (3, 1)
    assert answer["ObjectiveStatusCounters"]["Succeeded"] == 4
