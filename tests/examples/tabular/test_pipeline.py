"""The compiled pipeline of a table: its shape, and that it and the scripts agree."""

import ast
import json

import pytest

from errors import BreedlineError
from pipeline.definition import compile_pipeline, render
from pipeline.parameters import start_parameters
from pipeline.policies import job_documents
from provision import packages
from provision.sources import closure, place_of
from statemachine.policies import role_documents
from tests.pipeline.examples import changed, code_of, steps_of
from workloads import STEPS, WORKLOADS, workload_of


@pytest.fixture(scope="module")
def definition(tabular):
    return compile_pipeline(tabular, code_of(tabular), workload_of(tabular).graph)


@pytest.fixture(scope="module")
def steps(definition):
    return steps_of(definition)


def test_every_kind_that_the_settings_know_has_a_row_in_the_table(tabular):
    assert list(WORKLOADS) == ["image-classification", "tabular-regression"]
    assert workload_of(tabular) is WORKLOADS["tabular-regression"]


def test_its_steps_are_those_of_a_forest(definition, steps):
    names = [step["Name"] for step in definition["Steps"]]
    assert names == ["Prepare", "Train", "Evaluate", "Gate"]
    assert set(steps) - set(names) == {"Register", "Reject"}
    caching = {name: steps[name]["CacheConfig"]["Enabled"] for name in names[:3]}
    assert caching == {"Prepare": True, "Train": True, "Evaluate": False}
    assert all(steps[name]["RetryPolicies"] for name in names[:3])


def test_two_compilations_give_equal_bytes(definition, tabular):
    again = compile_pipeline(tabular, code_of(tabular), workload_of(tabular).graph)
    assert render(again) == render(definition)


def test_jobs_run_in_the_scikit_learn_image_and_the_model_serves_in_the_pytorch_one(steps):
    images = [
        steps["Prepare"]["Arguments"]["AppSpecification"]["ImageUri"],
        steps["Train"]["Arguments"]["AlgorithmSpecification"]["TrainingImage"],
        steps["Evaluate"]["Arguments"]["AppSpecification"]["ImageUri"],
    ]
    assert len(set(images)) == 1
    assert images[0].endswith("/sagemaker-scikit-learn:1.4-2-cpu-py3")
    (container,) = steps["Register"]["Arguments"]["InferenceSpecification"]["Containers"]
    assert "/pytorch-inference:" in container["Image"]
    assert container["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"


def test_the_package_offers_json_and_csv_and_tells_its_r2(steps):
    arguments = steps["Register"]["Arguments"]
    offered = arguments["InferenceSpecification"]["SupportedContentTypes"]
    assert offered == ["application/json", "text/csv"]
    told = arguments["CustomerMetadataProperties"]
    assert set(told) == {"r2", "data_digest", "pipeline_execution_arn", "smoke-samples"}
    assert "regression_metrics.r2.value" in json.dumps(told["r2"])


def test_the_gate_compares_r2_with_the_threshold_and_the_champion(steps):
    conditions = steps["Gate"]["Arguments"]["Conditions"]
    assert [condition["Type"] for condition in conditions] == ["GreaterThanOrEqualTo"] * 2
    left = [condition["LeftValue"]["Std:JsonGet"]["Path"] for condition in conditions]
    assert left == ["regression_metrics.r2.value"] * 2
    right = [condition["RightValue"] for condition in conditions]
    assert right[0] == {"Get": "Parameters.R2Threshold"}
    assert right[1]["Std:JsonGet"]["Path"] == "breedline.champion.r2_to_beat"


@pytest.mark.parametrize("step", ["Prepare", "Evaluate"])
def test_every_option_that_the_step_passes_is_one_the_script_knows(steps, tabular, step):
    arguments = steps[step]["Arguments"]["AppSpecification"]["ContainerArguments"]
    passed = {item for item in arguments if isinstance(item, str) and item.startswith("--")}
    assert passed <= options_of(tabular, f"{step.lower()}.py")


def test_train_knows_every_hyperparameter_and_one_host_runs_it(steps, tabular):
    arguments = steps["Train"]["Arguments"]
    own = {name for name in arguments["HyperParameters"] if not name.startswith("sagemaker_")}
    assert own == {"trees", "min_samples_leaf", "max_features", "seed"}
    known = options_of(tabular, "train.py")
    assert {f"--{name}" for name in own} == known
    assert arguments["ResourceConfig"]["InstanceCount"] == 1
    channels = [channel["ChannelName"] for channel in arguments["InputDataConfig"]]
    assert channels == ["train", "validation", "dataset"]


def options_of(tabular, script):
    """The options of a script, also those that a module of its package adds."""
    folder, found = workload_of(tabular).steps, set()
    for name in closure(folder, [script], STEPS):
        tree = ast.parse(place_of(name, folder, STEPS).read_text(encoding="utf-8"))
        constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
        found |= {value for value in constants if str(value).startswith("--")}
    return found


def test_jobs_work_under_their_own_role(tabular):
    apart = changed(tabular, "roles", jobs="workers")
    found = steps_of(compile_pipeline(apart, code_of(apart), workload_of(apart).graph))
    roles = {found[name]["Arguments"]["RoleArn"] for name in ("Prepare", "Train", "Evaluate")}
    assert roles == {"arn:aws:iam::123456789012:role/workers"}


def test_roles_do_no_more_than_a_table_needs(tabular):
    jobs = json.dumps(job_documents(tabular)["pipeline"])
    assert "repository/sagemaker-scikit-learn*" in jobs and "pytorch-training" not in jobs
    assert "Tuning" not in jobs
    serving = role_documents(tabular)
    assert "s3:GetObject" not in json.dumps(serving["predict"])
    assert "repository/pytorch-inference*" in json.dumps(serving["endpoint"])


def test_parameters_of_an_execution_are_checked(definition):
    assert start_parameters(definition, {"Trees": "50"}) == [{"Name": "Trees", "Value": "50"}]
    with pytest.raises(BreedlineError) as refused:
        start_parameters(definition, {"Trees": "0", "R2Threshold": "high", "Epochs": "3"})
    said = str(refused.value).splitlines()
    assert said[0] == "Parameter Trees is '0'; allowed: a whole number from 1 to 10000."
    assert said[1] == "Parameter R2Threshold is 'high'; allowed: a number from 0."
    assert said[2].startswith("The pipeline has no parameter Epochs")


def test_code_packages_hold_the_shared_modules_and_no_network(tabular):
    built = packages.build(tabular, workload_of(tabular).steps, STEPS)
    assert {"prepare.py", "staging.py", "collecting.py"} <= set(built["prepare"].files)
    assert {"inference.py", "replies.py", "failure.py"} <= set(built["train"].files)
    assert {"artifact.py", "champion.py"} <= set(built["evaluate"].files)
    names = {name for package in built.values() for name in package.files}
    assert not names & {"network.py", "images.py", "requirements.txt"}
    own = (workload_of(tabular).steps / "prepare.py").read_bytes()
    assert built["prepare"].files["prepare.py"] == own
