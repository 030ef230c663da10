"""`attach` to real jobs and executions of the embedded AWS, running and finished."""

from __future__ import annotations

import time

import pytest

from commands.attach import EARLIER_LINES
from tests.commands.conftest import ROLE
from tests.local.jobs.conftest import pack, training_request

LIVE = """
import os, time
print("first line", flush=True)
time.sleep(1)
print("loss=0.25", flush=True)
open(os.environ["SM_MODEL_DIR"] + "/model.txt", "w").write("done")
"""
MANY = "print('\\n'.join(f'line {n}' for n in range(1, 51)))"
FAILING = "import sys; sys.exit('there are no photos')"
TRIAL = """
import sys
rate = float(sys.argv[sys.argv.index("--rate") + 1])
print(f"validation:loss={rate * 2}", flush=True)
"""


def training(account, name, script, **changes):
    """Start a script-mode job; `account` keeps its code."""
    s3, sagemaker = account.client("s3"), account.client("sagemaker")
    place = {"LocationConstraint": account.connection.region}
    if not any(b["Name"] == "bucket" for b in s3.list_buckets()["Buckets"]):
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration=place)
    s3.put_object(Bucket="bucket", Key=f"code/{name}", Body=pack({"train.py": script}))
    request = training_request(name, **changes)
    request["HyperParameters"] = code_of(name)
    request["AlgorithmSpecification"]["MetricDefinitions"] = [
        {"Name": "loss", "Regex": "loss=([0-9.]+)"}
    ]
    sagemaker.create_training_job(**request)


def code_of(name):
    return {
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": f'"s3://bucket/code/{name}"',
    }


def wait_until_ended(account, name):
    client, deadline = account.client("sagemaker"), time.monotonic() + 60
    while client.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] not in (
        *("Completed", "Failed", "Stopped"),
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_running_training_job_is_followed_to_its_end(account, call):
    training(account, "live", LIVE)
    done = call("attach", "live")
    assert done.code == 0
    said = done.err.splitlines()
    assert said[0].startswith("Attached to the training job arn:aws:sagemaker:")
    stages = [line.split()[0] for line in said[1:] if not line.startswith(("first", "loss"))]
    assert stages == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert said.index("first line") < said.index("loss=0.25") < len(said)
    assert done.out.startswith("Completed  arn:aws:sagemaker:")
    assert "loss    0.25" in done.out and "s3://bucket/out/live/output/model.tar.gz" in done.out


def test_a_finished_job_shows_its_state_and_the_end_of_its_log(account, call):
    training(account, "many", MANY)
    wait_until_ended(account, "many")
    done = call("attach", "arn:aws:sagemaker:eu-west-1:123456789012:training-job/many")
    assert done.code == 0
    said = done.err.splitlines()
    assert f"… {50 - EARLIER_LINES} earlier lines are in /aws/sagemaker/TrainingJobs" in said
    assert [line for line in said if line.startswith("line ")] == [
        f"line {n}" for n in range(51 - EARLIER_LINES, 51)
    ]


def test_a_failed_job_fails_the_command_with_its_reason(account, call):
    training(account, "failing", FAILING)
    done = call("attach", "failing", "--json")
    assert done.code == 1
    assert done.result["status"] == "Failed"
    assert done.result["failure_reason"].startswith("AlgorithmError: there are no photos")


def test_a_stopped_job_fails_the_command(account, call):
    training(account, "stopped", "import time; time.sleep(60)")
    account.client("sagemaker").stop_training_job(TrainingJobName="stopped")
    done = call("attach", "stopped")
    assert done.code == 1 and done.out.startswith("Stopped ")


def test_lines_of_several_hosts_are_named_after_them(account, call):
    script = "import os; print('hello from', os.environ['SM_CURRENT_HOST'])"
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    training(account, "pair", script, ResourceConfig=resources)
    wait_until_ended(account, "pair")
    said = call("attach", "pair").err.splitlines()
    assert {f"[algo-{n}] hello from algo-{n}" for n in (1, 2)} < set(said)


def test_a_processing_job_is_followed(account, call):
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    account.client("sagemaker").create_processing_job(
        ProcessingJobName="processed",
        RoleArn=ROLE,
        ProcessingResources={"ClusterConfig": cluster},
        AppSpecification={
            "ImageUri": "image",
            "ContainerEntrypoint": ["python3", "-c", "print('all images are well')"],
        },
    )
    done = call("attach", "processed")
    assert done.code == 0
    assert "all images are well" in done.err.splitlines()
    assert done.out.startswith("Completed  arn:aws:sagemaker:")


def test_a_tuning_job_is_followed_with_its_trials(account, call):
    training(account, "code-of-trials", TRIAL)  # puts the script there, and fails without --rate
    request = training_request("unused")
    metric = {"Name": "validation:loss", "Regex": "validation:loss=([0-9.]+)"}
    account.client("sagemaker").create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="tuned",
        HyperParameterTuningJobConfig={
            "Strategy": "Grid",
            "ResourceLimits": {"MaxParallelTrainingJobs": 2},
            "HyperParameterTuningJobObjective": {
                "Type": "Minimize",
                "MetricName": "validation:loss",
            },
            "ParameterRanges": {
                "CategoricalParameterRanges": [{"Name": "rate", "Values": ["3", "1"]}]
            },
        },
        TrainingJobDefinition={
            "StaticHyperParameters": code_of("code-of-trials"),
            "AlgorithmSpecification": {
                **request["AlgorithmSpecification"],
                "MetricDefinitions": [metric],
            },
            **{key: request[key] for key in ("RoleArn", "OutputDataConfig", "ResourceConfig")},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        },
    )
    done = call("attach", "tuned", "--json")
    assert done.code == 0
    assert "Completed: rate=1 → validation:loss 2.0000" in done.err
    assert done.result["best"]["value"] == 2.0
    assert done.result["trials"]["Completed"] == 2
    text = call("attach", "tuned").out
    assert "best trial" in text and "rate             1" in text


def test_an_execution_of_a_state_machine_is_followed_by_name_and_arn(account, call):
    machine = account.make_machine("retrain", {"Type": "Wait", "Seconds": 1, "End": True})
    started = account.client("stepfunctions").start_execution(
        stateMachineArn=machine, name="by-hand", input="{}"
    )
    done = call("attach", "by-hand", "--json")
    assert done.code == 0
    assert done.result["execution_arn"] == started["executionArn"]
    assert call("attach", started["executionArn"]).code == 0
    account.make_machine("rollback", {"Type": "Fail", "Error": "Boom", "Cause": "for a test"})
    machine = account.names.state_machine_arn("rollback")
    account.client("stepfunctions").start_execution(stateMachineArn=machine, name="broken")
    done = call("attach", "broken")
    assert done.code == 1 and "Boom: for a test" in done.out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "nothing",
            "Nothing in the environment 'local' is named 'nothing', no execution and no job",
        ),
        ("no such/name", "Nothing in the environment 'local' is named"),
        ("arn:aws:s3:::bucket", "arn:aws:s3:::bucket is nothing that runs; give the ARN or name"),
        ("arn:", "arn: is nothing that runs"),
    ],
)
def test_what_is_not_there_is_told_in_one_sentence(account, call, name, words):
    done = call("attach", name)
    assert done.code == 1 and done.out == ""
    assert words in done.err and done.err.count("\n") == 1


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sagemaker:eu-west-1:123456789012:training-job/none",
        "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/breedline/execution/none",
        "arn:aws:states:eu-west-1:123456789012:execution:breedline-deploy:none",
    ],
)
def test_to_an_arn_with_nothing_behind_it_nobody_attaches(account, call, arn):
    done = call("attach", arn)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("There is no ") and done.err.endswith(f" {arn}.\n")


def test_an_execution_is_watched_by_its_name_and_a_job_is_left_to_attach(account, call):
    machine = account.make_machine("retrain", {"Type": "Pass", "End": True})
    account.client("stepfunctions").start_execution(stateMachineArn=machine, name="watched")
    assert call("watch", "watched").code == 0
    assert "is no execution of the pipeline" in call("stop", "watched").err
    training(account, "a-job", MANY)
    for command in ("watch", "stop", "retry"):
        done = call(command, "a-job")
        assert done.code == 1
        assert "`python definitions.py attach a-job` follows it." in done.err
        assert "is named 'nothing'" in call(command, "nothing").err


def test_a_name_of_two_jobs_is_not_guessed(account, call):
    training(account, "twin", "pass")
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    account.client("sagemaker").create_processing_job(
        ProcessingJobName="twin",
        RoleArn=ROLE,
        ProcessingResources={"ClusterConfig": cluster},
        AppSpecification={"ImageUri": "image", "ContainerEntrypoint": ["python3", "-c", "pass"]},
    )
    done = call("attach", "twin")
    assert done.code == 1
    assert "'twin' means more than one thing; give the ARN: training job arn:" in done.err
    assert ":processing-job/twin." in done.err
