"""The main job: a folder of photos becomes an endpoint that answers, on this machine."""

from pathlib import Path

from PIL import Image

STEPS = ["Prepare", "Tune", "Train", "Evaluate", "Gate", "Register"]
SERVING_STATES = (
    *("CreateModel", "CreateEndpoint", "PutScalingPolicy", "PublishVersion"),
    *("SmokeTest", "TagEndpoint", "TellSuccess"),
)


def test_the_demo_runs_every_step_and_registers_a_model(demonstration):
    pipeline, package = demonstration["pipeline"], demonstration["model_package"]
    assert pipeline["status"] == "Succeeded"
    names = [step["name"] for step in pipeline["steps"]]
    assert [name.partition("-")[0] for name in names] == STEPS
    assert {step["status"] for step in pipeline["steps"]} == {"Succeeded"}
    assert package["approval"] == "Approved"
    assert package["metrics"]["accuracy"] >= 0.8
    assert demonstration["seconds"] > 0


def test_the_approved_model_is_deployed_by_the_event(command_line, demonstration):
    deployment, endpoint = demonstration["deployment"], demonstration["endpoint"]
    assert deployment["status"] == "SUCCEEDED"
    states = {state["name"]: state["status"] for state in deployment["states"]}
    assert {states[name] for name in SERVING_STATES} == {"Succeeded"}
    assert endpoint["status"] == "InService"
    assert endpoint["model_version"] == demonstration["model_package"]["version"]
    assert endpoint["instances"] == 2
    assert demonstration["smoke_tests"]["failed"] == 0
    assert demonstration["smoke_tests"]["passed"] >= 10
    found = command_line.client("stepfunctions").describe_execution(
        executionArn=deployment["execution_arn"]
    )
    assert found["status"] == "SUCCEEDED"


def test_the_function_answers_with_the_label_of_the_picture(command_line, demonstration):
    prediction, folder = demonstration["prediction"], command_line.folder / "sample"
    assert prediction["label"] == prediction["is"]
    assert prediction["model_version"] == demonstration["model_package"]["version"]
    pictures = [next(folder.rglob(f"{name}/*.jpg")) for name in ("butterfly", "fish")]
    asked = command_line.json("predict", *map(str, pictures))["predictions"]
    assert [answer["label"] for answer in asked] == ["butterfly", "fish"]


def test_every_file_that_is_no_picture_is_refused_with_the_models_own_sentence(
    command_line, demonstration, tmp_path
):
    text = tmp_path / "text.jpg"
    text.write_text("I am no picture.")
    (refused,) = command_line.json("predict", str(text), code=1)["predictions"]
    assert refused["status"] == 400
    assert refused["error"].count(".") == 1


def test_a_picture_that_would_fill_the_memory_is_refused(command_line, demonstration, tmp_path):
    bomb = tmp_path / "bomb.png"
    Image.new("1", (12_000, 12_000)).save(bomb)
    assert bomb.stat().st_size < 50_000
    (refused,) = command_line.json("predict", str(bomb), code=1)["predictions"]
    assert refused["status"] == 413


def test_the_endpoint_scales_between_the_settings_limits(command_line, demonstration):
    scaling = command_line.client("application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 4)
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert len(policy["Alarms"]) == 2


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


def test_going_back_answers_with_the_version_before_and_rejects_the_one_it_leaves(
    command_line, demonstration
):
    status = command_line.json("status")
    live = status["endpoint"]["model_version"]
    assert live > 1  # an earlier test has deployed a second one
    gone_back = command_line.json("rollback", "--reason", "we liked the other one")
    assert gone_back["status"] == "SUCCEEDED"
    status = command_line.json("status")
    assert status["endpoint"]["model_version"] == live - 1
    left = next(p for p in status["model_packages"] if p["version"] == live)
    assert left["approval"] == "Rejected"
