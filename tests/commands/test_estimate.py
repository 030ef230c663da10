"""`estimate` on an embedded AWS, before and after an execution that really ran."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pytest

import definitions
from commands.estimate import Spent, _figure, _share, _spent
from tests.commands.conftest import ROLE

IMAGE = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.6.0-cpu-py312"
DEFINITION = {
    "Version": "2020-12-01",
    "Parameters": [],
    "Steps": [
        {
            "Name": "Prepare",
            "Type": "Processing",
            "Arguments": {
                "AppSpecification": {
                    "ImageUri": IMAGE,
                    "ContainerEntrypoint": ["python3", "-c", "import time; time.sleep(0.2)"],
                },
                "ProcessingResources": {
                    "ClusterConfig": {
                        "InstanceType": "ml.m5.large",
                        "InstanceCount": 1,
                        "VolumeSizeInGB": 5,
                    }
                },
                "RoleArn": ROLE,
            },
        }
    ],
}


@pytest.fixture
def ran(account):
    client = account.client("sagemaker")
    client.create_pipeline(
        PipelineName="breedline", PipelineDefinition=json.dumps(DEFINITION), RoleArn=ROLE
    )
    arn = client.start_pipeline_execution(PipelineName="breedline")["PipelineExecutionArn"]
    for _ in range(600):
        found = client.describe_pipeline_execution(PipelineExecutionArn=arn)
        if found["PipelineExecutionStatus"] != "Executing":
            break
        time.sleep(0.1)
    assert found["PipelineExecutionStatus"] == "Succeeded"
    return arn


def line_of(done, step):
    return next(line for line in done.result["bills"][0]["lines"] if line["what"].startswith(step))


def test_durations_are_limits_until_something_has_run(account, call):
    done = call("estimate", "--json")
    assert done.code == 0
    assert line_of(done, "Prepare")["quantity"] == 1.0  # hours
    assert [bill["title"].partition(",")[0] for bill in done.result["bills"]] == [
        *["A run"] * 3,
        *["The training alone on EC2"] * 3,
        "A month of serving 1",
    ]


def test_what_ran_last_takes_as_long_again(ran, call):
    done = call("estimate", "--json", "--prices", "us-east-1")
    assert done.result["execution"] == ran
    prepare, train = line_of(done, "Prepare"), line_of(done, "Train")
    assert 0 < prepare["quantity"] < 0.1
    assert prepare["cost"] == pytest.approx(prepare["quantity"] * 0.115)
    assert (prepare["note"], train["note"]) == (
        "as in the last execution",
        "no more than its time limit",
    )


def test_text_has_quantity_price_and_total(account, call):
    done = call("estimate", "--requests", "2000000", "--prices", "us-east-1")
    assert "A month of serving 2,000,000 requests" in done.out
    row = next(line for line in done.out.splitlines() if "endpoint" in line)
    assert row.split()[:7] == ["endpoint,", "ml.m5.large", "1,460.00", "hours", "×", "0.115", "="]
    assert "Spot is assumed to cost 30% to 50%" in done.out
    missing = call("estimate").out  # prices of eu-west-1
    assert "no price known of volumes of the hosts" in missing
    assert missing.endswith(
        "Prices that are not known: add them to prices.toml, or take --prices us-east-1.\n"
    )
    assert "not known" not in done.out


@pytest.mark.parametrize(
    ("value", "text"),
    [(1460, "1,460.00"), (0.115, "0.12"), (0.0125, "0.013"), (0.000071, "0.000071"), (0, "0.00")],
)
def test_small_figures_keep_two_digits_that_count(value, text):
    assert _figure(value) == text


def test_where_nobody_can_look_the_limits_are_said_to_stand_in(monkeypatch, capsys):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    assert definitions.main(["estimate", "--env", "aws-example"]) == 0
    assert "as the executions cannot be read (Unable to locate" in capsys.readouterr().out


class SpotJob:
    """A SageMaker that knows one training job on spot capacity."""

    def describe_training_job(self, TrainingJobName: str) -> dict[str, Any]:
        times = {"TrainingTimeInSeconds": 1_000, "BillableTimeInSeconds": 350}
        return {**times, "EnableManagedSpotTraining": True, "ResourceConfig": {"InstanceCount": 2}}


def test_the_discount_of_spot_capacity_is_in_the_billable_seconds():
    arn = "arn:aws:sagemaker:eu-west-1:123456789012:training-job/one"
    assert _spent(SpotJob(), arn) == Spent(2_000.0, spot_seconds=2_000.0, spot_billed=700.0)


def test_where_all_seconds_were_billed_no_discount_is_known():
    assert _share([Spent(2_000.0, spot_seconds=2_000.0, spot_billed=700.0)]) == 0.35
    assert _share([Spent(2_000.0, spot_seconds=2_000.0, spot_billed=2_000.0)]) is None
    assert _share([Spent(2_000.0)]) is None
