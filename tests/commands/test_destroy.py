"""`destroy` from the command line: it shows, asks, stops what runs, and can be called again."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from tests.end_to_end.command_line import ROOT

IMAGE = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.6.0-cpu-py312"
ASLEEP = ["python3", "-c", "import time; print('asleep', flush=True); time.sleep(600)"]


class Terminal:
    """A standard input at which somebody types one line."""

    def __init__(self, line: str) -> None:
        self._line = line

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return self._line


@pytest.fixture
def typing(monkeypatch):
    return lambda line: monkeypatch.setattr("sys.stdin", Terminal(line))


@pytest.fixture(scope="module")
def running(account):
    """A pipeline that is asleep in a job, and a deployment that waits."""
    client, role = account.client("sagemaker"), "arn:aws:iam::123456789012:role/any"
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}
    step = {
        "Name": "Sleep",
        "Type": "Processing",
        "Arguments": {
            "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ASLEEP},
            "ProcessingResources": {"ClusterConfig": resources},
            "RoleArn": role,
        },
    }
    definition = json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": [step]})
    tags = [{"Key": "owner", "Value": "breedline"}, {"Key": "environment", "Value": "local"}]
    client.create_pipeline(
        PipelineName="breedline", PipelineDefinition=definition, RoleArn=role, Tags=tags
    )
    client.start_pipeline_execution(PipelineName="breedline")
    machine = account.make_machine("deploy", {"Type": "Wait", "Seconds": 600, "End": True})
    states = account.client("stepfunctions")
    states.tag_resource(
        resourceArn=machine, tags=[{"key": tag["Key"], "value": tag["Value"]} for tag in tags]
    )
    states.start_execution(stateMachineArn=machine)
    while not job_streams(account):
        time.sleep(0.1)
    return account


def job_streams(account):
    logs, group = account.client("logs"), "/aws/sagemaker/ProcessingJobs"
    try:
        return logs.describe_log_streams(logGroupName=group)["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return []


def test_it_imports_no_sdk_that_compiles():
    code = (
        "import commands.destroy, sys\n"
        "sys.exit(', '.join({'sagemaker', 'stepfunctions'} & {*sys.modules}) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_without_a_terminal_and_without_yes_it_refuses_in_a_sentence(running, call, monkeypatch):
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115, PTH123 - until the end
    done = call("destroy")
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "destroy asks before it deletes, and there is no terminal to ask at: look at the plan with "
        "--dry-run, then say --yes."
    )


def test_a_dry_run_prints_the_plan_and_changes_nothing(running, call):
    done = call("destroy", "--dry-run", "--json")
    assert done.code == 0
    listed = [(change["kind"], change["resource"]) for change in done.result["changes"]]
    assert listed == [
        ("stop", "execution"),
        ("stop", "pipeline-execution"),
        ("stop", "job"),
        ("delete", "log-streams"),
        ("delete", "state-machine"),
        ("delete", "pipeline"),
    ]
    assert call("destroy", "--dry-run", "--json").result == done.result
    assert call("destroy", "--dry-run").out.endswith("3 to stop, 3 to delete, 0 kept\n")


def test_who_does_not_say_yes_keeps_everything(running, call, typing):
    for answer in ("\n", "no\n", ""):
        typing(answer)
        done = call("destroy")
        assert done.code == 1
        assert "[y/N]" in done.err
        assert done.err.endswith("Nothing was deleted.\n")
    assert len(call("destroy", "--dry-run", "--json").result["changes"]) == 6


def test_who_says_yes_sees_the_plan_and_has_it_carried_out(running, call, typing):
    typing("y\n")
    done = call("destroy", "--json")
    assert done.code == 0, done.err
    assert "- delete pipeline            breedline  (made by upsert)" in done.err
    assert [each["resource"] for each in done.result["done"]][-1] == "pipeline"
    assert job_streams(running) == []
    jobs = running.client("sagemaker").list_processing_jobs()["ProcessingJobSummaries"]
    assert [job["ProcessingJobStatus"] for job in jobs] == ["Stopped"]
    assert running.client("stepfunctions").list_state_machines()["stateMachines"] == []
    assert running.client("sagemaker").list_pipelines()["PipelineSummaries"] == []


def test_a_second_run_finds_nothing_and_asks_nothing(running, call):
    done = call("destroy")
    assert (done.code, done.out) == (0, "Nothing to destroy.\n")
