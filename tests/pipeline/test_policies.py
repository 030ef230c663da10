"""The pipeline and its jobs may do their own work, each under a role that can do no more."""

import dataclasses

import pytest

import settings
from pipeline.policies import job_documents

ACCOUNT = "111122223333"


@pytest.fixture
def example():
    return settings.load("aws-example")


def statements(documents, actor):
    return {found["Sid"]: found for found in documents[actor]["policy"]["Statement"]}


def test_jobs_with_a_role_of_their_own_can_start_no_jobs_and_pass_no_role(example):
    documents = job_documents(example)
    actions = {a for s in statements(documents, "jobs").values() for a in s["Action"]}
    assert not any(action.startswith(("iam:", "sagemaker:Create")) for action in actions)
    passed = statements(documents, "pipeline")["PassRole"]
    assert passed["Resource"] == [f"arn:aws:iam::{ACCOUNT}:role/breedline-jobs"]
    assert passed["Condition"]["StringEquals"]["iam:PassedToService"] == "sagemaker.amazonaws.com"


def test_without_a_role_of_their_own_the_pipelines_does_the_work_of_both(example):
    roles = dataclasses.replace(example.roles, jobs="")
    documents = job_documents(dataclasses.replace(example, roles=roles))
    assert set(documents) == {"pipeline", "ec2_training"}
    assert {"TrainingJobs", "PassRole", "Read", "Write", "Metrics"} <= set(
        statements(documents, "pipeline")
    )


def test_data_and_weights_that_lie_elsewhere_may_be_read_and_nothing_beside_them(example):
    pipeline = dataclasses.replace(example.pipeline, data_uri="s3://photos/dogs")
    found = statements(job_documents(dataclasses.replace(example, pipeline=pipeline)), "jobs")
    assert found["Data"]["Resource"] == ["arn:aws:s3:::photos/dogs", "arn:aws:s3:::photos/dogs/*"]
    assert found["DataList"]["Resource"] == ["arn:aws:s3:::photos"]
    assert "Data" not in statements(job_documents(example), "jobs")


@pytest.mark.parametrize("actor", ["pipeline", "jobs", "ec2_training"])
def test_a_star_stands_only_where_the_api_knows_no_resource(example, actor):
    wide = {
        sid
        for sid, found in statements(job_documents(example), actor).items()
        if "*" in found["Resource"]
    }
    assert wide <= {"ImageToken", "Metrics", "Network"}


def test_a_service_acts_only_for_this_account(example):
    for actor in ("pipeline", "jobs"):
        (statement,) = job_documents(example)[actor]["trust"]["Statement"]
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
