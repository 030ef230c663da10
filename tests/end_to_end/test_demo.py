"""The main job: a folder of photos becomes a registered model, on this machine."""

from pathlib import Path

from PIL import Image

STEPS = ["Prepare", "Tune", "Train", "Evaluate", "Gate", "Register"]


def test_the_demo_runs_every_step_and_registers_a_model_that_waits_for_approval(demonstration):
    pipeline, package = demonstration["pipeline"], demonstration["model_package"]
    assert pipeline["status"] == "Succeeded"
    names = [step["name"] for step in pipeline["steps"]]
    assert [name.partition("-")[0] for name in names] == STEPS
    assert {step["status"] for step in pipeline["steps"]} == {"Succeeded"}
    assert package["approval"] == "PendingManualApproval"
    assert package["metrics"]["accuracy"] >= 0.8
    assert demonstration["seconds"] > 0


def test_the_plots_are_pictures_on_this_machine(demonstration):
    assert len(demonstration["plots"]) == 3
    for path in map(Path, demonstration["plots"]):
        with Image.open(path) as picture:
            assert min(picture.size) > 100


def test_tuning_ran_its_trials_and_training_ran_on_two_hosts(command_line, demonstration):
    sagemaker = command_line.client("sagemaker")
    arns = {step["name"]: step["arn"] for step in demonstration["pipeline"]["steps"]}
    tuning = sagemaker.describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=arns["Tune"].rpartition("/")[2]
    )
    counters = tuning["TrainingJobStatusCounters"]
    assert counters["Completed"] + counters["Stopped"] == 4
    best = tuning["BestTrainingJob"]["TunedHyperParameters"]
    training = sagemaker.describe_training_job(TrainingJobName=arns["Train"].rpartition("/")[2])
    assert training["ResourceConfig"]["InstanceCount"] == 2
    assert {name: training["HyperParameters"][name] for name in best} == best
    metrics = {metric["MetricName"] for metric in training["FinalMetricDataList"]}
    assert metrics >= {"train:loss", "validation:loss", "validation:accuracy"}


def test_the_model_package_shows_its_metrics_and_needs_no_repack(command_line, demonstration):
    sagemaker = command_line.client("sagemaker")
    package = sagemaker.describe_model_package(
        ModelPackageName=demonstration["model_package"]["arn"]
    )
    container = package["InferenceSpecification"]["Containers"][0]
    trained = {step["name"]: step["arn"] for step in demonstration["pipeline"]["steps"]}["Train"]
    assert trained.rpartition("/")[2] in container["ModelDataUrl"]
    assert container["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"
    assert package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"].endswith(".json")


def test_a_second_upsert_changes_nothing(command_line, demonstration):
    assert command_line.run("diff").returncode == 0
    before = command_line.client("sagemaker").describe_pipeline(PipelineName="breedline")
    assert command_line.run("upsert").returncode == 0
    after = command_line.client("sagemaker").describe_pipeline(PipelineName="breedline")
    assert after["LastModifiedTime"] == before["LastModifiedTime"]


def test_a_second_execution_reuses_what_did_not_change(command_line, demonstration):
    again = command_line.json("demo")
    cached = {step["name"]: step["cached"] for step in again["pipeline"]["steps"]}
    assert {name: cached[name] for name in ("Prepare", "Tune", "Train")} == {
        "Prepare": True,
        "Tune": True,
        "Train": True,
    }
    assert cached["Evaluate"] is False  # it compares with the champion of the moment
    first, second = demonstration["model_package"], again["model_package"]
    assert second["version"] == first["version"] + 1
    assert second["metrics"]["accuracy"] == first["metrics"]["accuracy"]


def test_an_impossible_threshold_ends_in_reject_with_both_figures(command_line, demonstration):
    rejected = command_line.json("demo", "--param", "AccuracyThreshold=1.01", code=1)
    steps = {step["name"]: step for step in rejected["pipeline"]["steps"]}
    assert rejected["pipeline"]["status"] == "Failed"
    assert rejected["model_package"] is None
    reason = steps["Reject"]["failure_reason"] or steps["Reject"]["message"]
    accuracy = demonstration["model_package"]["metrics"]["accuracy"]
    assert str(accuracy) in reason
    assert "1.01" in reason


def test_status_shows_executions_and_versions(command_line, demonstration):
    status = command_line.json("status")
    assert demonstration["pipeline"]["arn"] in [e["arn"] for e in status["executions"]]
    assert demonstration["model_package"]["arn"] in [p["arn"] for p in status["model_packages"]]


def test_approval_is_kept_in_the_registry(command_line, demonstration):
    version = str(demonstration["model_package"]["version"])
    command_line.json("approve", version)
    package = command_line.client("sagemaker").describe_model_package(
        ModelPackageName=demonstration["model_package"]["arn"]
    )
    assert package["ModelApprovalStatus"] == "Approved"
