"""`preflight` from the command line, on an embedded AWS that it finds faults in."""

from __future__ import annotations

import json

import pytest

import settings
from pipeline.policies import job_documents

ROLE = "breedline-execution"
DENIED = "sagemaker:CreateProcessingJob"


@pytest.fixture(scope="module")
def sound(account):
    """The pipeline's role, with what it needs, and a data set."""
    iam, documents = account.client("iam"), job_documents(settings.load("local"))["pipeline"]
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(documents["trust"]))
    iam.put_role_policy(
        RoleName=ROLE, PolicyName="p", PolicyDocument=json.dumps(documents["policy"])
    )
    s3 = account.client("s3")
    s3.create_bucket(
        Bucket="pictures", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    for number in range(10):
        s3.put_object(Bucket="pictures", Key=f"cat-or-dog/{number % 2}/{number}.jpg", Body=b"")
    return account


def by_level(done):
    found = [finding for check in done.result["checks"] for finding in check["findings"]]
    return {
        level: [one["about"] for one in found if one["level"] == level]
        for level in ("fault", "unchecked")
    }


def test_without_faults_it_exits_with_zero_and_says_what_nobody_knows(sound, call):
    done = call("preflight", "--data", "s3://pictures/cat-or-dog", "--json")
    assert done.code == 0
    found = by_level(done)
    assert found["fault"] == []
    assert all(about.startswith("image ") for about in found["unchecked"])
    assert "Looking at  network" in done.err


def test_with_faults_it_exits_with_one_and_prints_remedies(sound, call):
    policy = {"Effect": "Deny", "Action": DENIED, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": policy})
    sound.client("iam").put_role_policy(RoleName=ROLE, PolicyName="less", PolicyDocument=document)
    done = call("preflight", "--data", "s3://pictures/nothing")
    assert done.code == 1
    assert f"fault      role {ROLE}: it may not {DENIED} (pipeline)" in done.out
    assert f'"{DENIED}"' in done.out
    assert "fault      data s3://pictures/nothing: it holds no files" in done.out
    assert "ok         network" in done.out
    assert "2 faults" in done.out.splitlines()[-1]


def test_settings_that_the_sdk_refuses_do_not_hide_the_other_checks(sound, call, tmp_path):
    text = settings.ENVIRONMENTS.read_text().replace(
        "[local.retry]", '[local.images]\ntraining_version = "9.9.9"\n\n[local.retry]'
    )
    (tmp_path / "environments.toml").write_text(text)
    done = call("preflight", "--settings", str(tmp_path / "environments.toml"))
    assert done.code == 1
    assert "fault      definition: images.training_version is '9.9.9', and" in done.out
    assert "ok         network" in done.out


@pytest.mark.parametrize("command", ["upsert", "diff", "show pipeline", "demo"])
def test_an_image_that_the_sdk_does_not_know_is_one_sentence(account, call, tmp_path, command):
    text = settings.ENVIRONMENTS.read_text().replace(
        "[local.retry]", '[local.images]\ninference_version = "9.9.9"\n\n[local.retry]'
    )
    (tmp_path / "environments.toml").write_text(text)
    done = call(*command.split(), "--settings", str(tmp_path / "environments.toml"))
    last = done.err.splitlines()[-1]
    assert (done.code, done.out) == (1, "")
    assert last.startswith("images.inference_version is '9.9.9', and the SageMaker SDK knows no")


def test_the_callers_policies_are_printed_for_the_commands_that_are_asked_for(call):
    (usual, *_) = call("show", "caller", "--json").result
    assert usual["Statement"][0]["Sid"] == "UpsertRoles"
    (asked,) = call("show", "caller", "--for", "predict,status", "--json").result
    assert {statement["Sid"] for statement in asked["Statement"]} >= {"StatusModels", "PredictAsk"}
    every = call("show", "caller", "--for", "all", "--json").result
    assert {"Version", "Statement"} == {key for policy in every for key in policy}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("preflight --for upsert,nonsense", "--for 'nonsense' names no command whose permissions"),
        ("show caller --for nonsense", "--for 'nonsense' names no command whose permissions"),
        ("show roles --for upsert", "--for chooses commands for `show caller`; leave it out."),
    ],
)
def test_commands_that_nobody_knows_are_told(account, call, arguments, said):
    done = call(*arguments.split())
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(said)
