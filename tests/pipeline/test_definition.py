"""The definition as a whole: what it says, and that compiling it is pure."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import settings
from errors import BreedlineError
from pipeline import definition as module
from pipeline.definition import compile_pipeline, render
from tests.pipeline.examples import changed, code_of, compiled, steps_of

ROOT = Path(settings.__file__).parents[1]
JOB_STEPS = ("Prepare", "Tune", "Train", "Evaluate")
COMPILE = """
import sys
import settings
from pipeline.definition import render
sys.path.insert(0, sys.argv[1])  # before the project's own folder `examples`
from examples import changed, compiled
loaded = settings.load("aws-example")
parents = ("parent-c", "parent-a", "parent-b", "parent-e", "parent-d")
sys.stdout.write(render(compiled(changed(loaded, "tuning", warm_start_parents=parents))))
"""


def test_the_steps_stand_in_the_order_of_the_design(definition):
    assert [step["Name"] for step in definition["Steps"]] == [*JOB_STEPS, "Gate"]
    gate = definition["Steps"][-1]["Arguments"]
    assert [step["Name"] for step in gate["IfSteps"]] == ["Register"]
    assert [step["Name"] for step in gate["ElseSteps"]] == ["Reject"]
    assert definition["Version"] == "2020-12-01"


def test_parameters_have_the_defaults_of_the_settings(definition, local):
    defaults = {item["Name"]: item["DefaultValue"] for item in definition["Parameters"]}
    assert defaults["InputDataUri"] == local.data_uri
    assert defaults["TrainingInstanceCount"] == local.training.instance_count
    assert defaults["TuningMaxJobs"] == local.tuning.max_jobs
    assert defaults["AccuracyThreshold"] == local.pipeline.accuracy_threshold
    assert defaults["ModelApprovalStatus"] == "PendingManualApproval"
    assert defaults["UseSpot"] is False


def test_every_parameter_is_used(definition):
    text = render({"Steps": definition["Steps"]})
    unused = [
        item["Name"]
        for item in definition["Parameters"]
        if f'"Parameters.{item["Name"]}"' not in text
    ]
    assert unused == []


@pytest.mark.parametrize("name", JOB_STEPS)
def test_every_job_step_is_retried_after_faults_that_are_not_the_scripts(steps, name, local):
    policies = steps[name]["RetryPolicies"]
    kinds = {kind for policy in policies for kind in policy["ExceptionType"]}
    assert kinds == {
        "Step.SERVICE_FAULT",
        "Step.THROTTLING",
        "SageMaker.JOB_INTERNAL_ERROR",
        "SageMaker.CAPACITY_ERROR",
        "SageMaker.RESOURCE_LIMIT",
    }
    assert {policy["MaxAttempts"] for policy in policies} == {local.retry.max_attempts}


def test_every_job_step_is_cached_but_evaluate(steps):
    enabled = {name: steps[name]["CacheConfig"]["Enabled"] for name in JOB_STEPS}
    assert enabled == {"Prepare": True, "Tune": True, "Train": True, "Evaluate": False}


CACHE_KEYS = {
    "Prepare": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Tune": ("HyperParameterTuningJobConfig", "TrainingJobDefinition"),
    "Train": (
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
}


@pytest.mark.parametrize("name", CACHE_KEYS)
def test_nothing_in_a_cache_key_belongs_to_one_execution(steps, name):
    arguments = {key: steps[name]["Arguments"].get(key) for key in CACHE_KEYS[name]}
    if name == "Tune":
        # Outputs of a trial are no part of the key, and do belong to the execution.
        arguments["TrainingJobDefinition"] = {
            key: value
            for key, value in arguments["TrainingJobDefinition"].items()
            if key != "OutputDataConfig"
        }
    assert "Execution." not in json.dumps(arguments)


def test_no_argument_carries_the_time_of_compilation(definition):
    assert "sagemaker_job_name" not in render(definition)


def test_changing_one_script_changes_only_the_steps_that_run_it(local, steps):
    for package, expected in (
        ("prepare", {"Prepare"}),
        ("train", {"Tune", "Train"}),
        ("evaluate", {"Evaluate"}),
    ):
        after = steps_of(compiled(local, **{package: "f" * 32}))
        different = {name for name in steps if name != "Gate" and steps[name] != after[name]}
        assert different == expected


def test_compiling_makes_no_socket_and_needs_no_credentials(monkeypatch, local, definition):
    class NoSocket(socket.socket):
        def __init__(self, *_args, **_options):
            raise AssertionError("compiling opened a socket")

    monkeypatch.setattr(socket, "socket", NoSocket)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    assert compiled(local) == definition


def test_a_profile_that_is_not_there_does_not_keep_anybody_from_compiling(tmp_path):
    (tmp_path / "config").write_text("[broken")
    code = (
        "import os, settings\n"
        "from pipeline.definition import compile_pipeline\n"
        "from statemachine.definition import compile_machine\n"
        "loaded = settings.load('local')\n"
        "if os.environ['FIRST'] == 'deploy': compile_machine('deploy', loaded)\n"
        "places = {step: 's3://bucket/code/' for step in ('prepare', 'train', 'evaluate')}\n"
        "compile_pipeline(loaded, places)\n"
        "print(os.environ['AWS_PROFILE'], os.environ['AWS_CONFIG_FILE'])\n"
    )
    mine = {"AWS_PROFILE": "nope", "AWS_CONFIG_FILE": str(tmp_path / "config")}
    for first in ("deploy", "pipeline"):
        environment = {**os.environ, **mine, "FIRST": first}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.stdout.split() == [*mine.values()], done.stderr


def test_compiling_leaves_the_process_as_it_was(local):
    import logging
    import warnings

    import boto3

    before = (boto3.DEFAULT_SESSION, logging.root.manager.disable, sys.excepthook)
    filters = list(warnings.filters)
    compiled(local)
    assert (boto3.DEFAULT_SESSION, logging.root.manager.disable, sys.excepthook) == before
    assert warnings.filters == filters


@pytest.mark.parametrize("document", ["pipeline", "deploy"])
def test_whoever_has_compiled_prints_no_log_lines_of_boto3s(document):
    script = f"""
import logging
import settings
from commands.definition import compile_document
compile_document(settings.load("local"), "{document}")
logging.getLogger("botocore.credentials").info("Found credentials")
logging.getLogger("somebody").warning("a warning")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "a warning\n")


def test_equal_settings_give_equal_bytes_in_any_process(tmp_path):
    # The second process has a user's own SDK defaults, which must not leak in.
    defaults = tmp_path / "config.yaml"
    defaults.write_text("SchemaVersion: '1.0'\nSageMaker:\n  TrainingJob:\n    RoleArn: arn:x\n")
    documents = []
    for seed, cwd, extra in (
        ("1", ROOT, {}),
        ("2", tmp_path, {"SAGEMAKER_USER_CONFIG_OVERRIDE": str(defaults), "TZ": "Asia/Tokyo"}),
    ):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT),
            "PYTHONHASHSEED": seed,
            **extra,
        }
        command = [sys.executable, "-c", COMPILE, str(Path(__file__).parent)]
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        assert done.stderr == b""
        documents.append(done.stdout)
    assert documents[0] == documents[1]
    assert len(documents[0]) > 10_000


def test_a_missing_code_package_is_named(local):
    code = code_of(local)
    del code["train"]
    with pytest.raises(BreedlineError, match="needs the code package of train"):
        compile_pipeline(local, code)


def test_a_definition_too_large_for_sagemaker_is_refused(monkeypatch, local):
    monkeypatch.setattr(module, "MAX_CHARACTERS", 1_000)
    with pytest.raises(BreedlineError, match="SageMaker allows 1000"):
        compiled(local)


def test_another_account_leaves_no_trace_of_the_first(local):
    other = changed(local, "aws", account_id="999988887777", region="us-gov-west-1")
    text = render(compiled(other))
    assert local.aws.account_id not in text
    assert "arn:aws-us-gov:iam::999988887777:role/" in text
