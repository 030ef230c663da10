"""Another kind of model, as a user runs it: a table becomes an endpoint that answers."""

from __future__ import annotations

import json

import pytest

from examples.tabular.housing import COLUMNS

SETTINGS = ("--settings", "examples/tabular/environments.toml")
STEPS = ["Prepare", "Train", "Evaluate", "Gate", "Register"]


@pytest.fixture(scope="module")
def housing(command_line):
    """The result of one `demo --json` of the table."""
    return command_line.json("demo", *SETTINGS, "--param", "Trees=30")


@pytest.fixture(scope="module")
def smoke(command_line, housing):
    """Runs the deployed smoke tests with these samples: what they tell, by name."""

    def run(document):
        s3, bucket = command_line.client("s3"), housing["model_package"]["evaluation_uri"]
        bucket = bucket.removeprefix("s3://").partition("/")[0]
        key = "executions/changed/samples"
        s3.put_object(Bucket=bucket, Key=f"{key}/samples.json", Body=json.dumps(document))
        event = {
            "function": "arn:aws:lambda:eu-west-1:123456789012:function:housing-predict:live",
            "endpoint": "housing",
            "model_version": "1",
            "samples": f"s3://{bucket}/{key}",
        }
        invoked = command_line.client("lambda").invoke(
            FunctionName="housing-smoke-test", Payload=json.dumps(event)
        )
        answer = json.loads(invoked["Payload"].read())
        assert "FunctionError" not in invoked, answer
        return {result["name"]: result for result in answer["results"]}

    return run


def samples_of(command_line, housing):
    uri = housing["model_package"]["evaluation_uri"].removeprefix("s3://")
    bucket, _, key = uri.rpartition("/")[0].partition("/")
    found = command_line.client("s3").get_object(Bucket=bucket, Key=f"{key}/samples/samples.json")
    return json.loads(found["Body"].read())


def test_every_step_runs_and_the_model_beats_the_best_constant(housing):
    assert [step["name"].partition("-")[0] for step in housing["pipeline"]["steps"]] == STEPS
    assert housing["pipeline"]["status"] == "Succeeded"
    metrics = housing["model_package"]["metrics"]
    assert metrics["r2"] >= 0.7
    assert metrics["rmse"] < metrics["baseline_rmse"] / 1.5
    assert metrics["mae"] < metrics["baseline_mae"]


def test_the_training_jobs_metrics_were_read_from_its_log(command_line, housing):
    arn = {step["name"]: step["arn"] for step in housing["pipeline"]["steps"]}["Train"]
    job = command_line.client("sagemaker").describe_training_job(
        TrainingJobName=arn.rpartition("/")[2]
    )
    found = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert 0 < found["validation:r2"] < found["train:r2"] < 1
    assert found["train:rmse"] < found["validation:rmse"]
    assert job["HyperParameters"]["min_samples_leaf"] == "3"


def test_the_approved_model_is_deployed_scaled_and_smoke_tested(command_line, housing):
    assert housing["deployment"]["status"] == "SUCCEEDED"
    assert housing["endpoint"]["status"] == "InService"
    assert housing["endpoint"]["instances"] == 2
    # A first row, six refusals, eight rows and the share of those that are right.
    assert housing["smoke_tests"] == {"passed": 16, "failed": 0}
    targets = command_line.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=["endpoint/housing/variant/AllTraffic"]
    )["ScalableTargets"]
    assert [(each["MinCapacity"], each["MaxCapacity"]) for each in targets] == [(2, 4)]


def test_the_function_answers_with_what_evaluate_measured(command_line, housing, tmp_path):
    samples = samples_of(command_line, housing)["samples"]
    assert housing["prediction"]["predictions"] == pytest.approx([samples[0]["expected"]])
    assert housing["prediction"]["model_version"] == 1
    table, rows = tmp_path / "rows.csv", [sample["record"] for sample in samples]
    lines = [",".join(COLUMNS), *(",".join(str(row[name]) for name in COLUMNS) for row in rows)]
    table.write_text("\n".join(lines))
    (asked,) = command_line.json("predict", *SETTINGS, str(table))["predictions"]
    assert asked["predictions"] == pytest.approx([sample["expected"] for sample in samples])
    table.write_text("rooms\nmany\n")
    (refused,) = command_line.json("predict", *SETTINGS, str(table), code=1)["predictions"]
    assert refused["status"] == 400
    assert refused["error"].startswith("Row 0 lacks median_income")


def test_a_model_that_answers_otherwise_than_it_was_measured_fails_its_smoke_tests(
    command_line, housing, smoke
):
    document = samples_of(command_line, housing)
    assert all(result["passed"] for result in smoke(document).values())
    document["samples"][2]["expected"] += 0.001
    results = smoke(document)
    assert [name for name, result in results.items() if not result["passed"]] == ["predictions"]
    assert results["predictions"]["detail"].startswith("7 of 8 predictions are right")
    results = smoke({"samples": [], "tolerance": 0.1})
    assert not results["first row"]["passed"]


def test_a_second_model_meets_the_champion_and_a_bar_that_it_cannot_reach(command_line, housing):
    choices = ("--param", "Trees=30", "--param", "R2Threshold=1.01")
    rejected = command_line.json("start", *SETTINGS, "--wait", *choices, code=1)
    steps = {step["name"]: step for step in rejected["steps"]}
    assert steps["Prepare"]["cached"] and steps["Train"]["cached"]
    assert not steps["Evaluate"]["cached"]
    r2 = str(housing["model_package"]["metrics"]["r2"])
    # The same forest is measured again, and is its own champion.
    assert steps["Reject"]["failure_reason"].count(r2) == 2
    assert "1.01" in steps["Reject"]["failure_reason"]


def test_what_is_deployed_is_what_the_settings_describe(command_line, housing):
    assert command_line.run("diff", *SETTINGS).returncode == 0
    status = command_line.json("status", *SETTINGS)
    assert status["endpoint"]["model_version"] == 1
    assert status["scaling"]["target"] == 100
