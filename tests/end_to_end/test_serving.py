"""Deployments under load, by the event of an approval: good versions, bad ones, and scaling.

The versions differ in one fault each. Every fault has an endpoint of its own, so that all of them
can be deployed at the same time.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from statemachine.names import VARIANT
from tests.end_to_end.command_line import CommandLine
from tests.end_to_end.stage import Load, Stage, open_stages, pictures, until

RATES = {"none": 20.0, "silent": 20.0, "wrong": 20.0, "slow": 5.0, "errors": 10.0}
MINUTE = "10"  # seconds that a minute of scaling lasts in these tests
OTHERS = {
    "scaled": {"scaling": "invocations_per_minute = 60.0"},
    "serverless": {"endpoint": 'kind = "serverless"'},
    "asynchronous": {"endpoint": 'kind = "asynchronous"'},
    "drifting": {
        "alarms": "min_confidence = 0.95\ndrift_period_seconds = 10\ndrift_periods = 1",
    },
}


@dataclass
class Story:
    """What became of version 2 over version 1."""

    stage: Stage
    package: str
    deployment: dict[str, Any]
    load: Load
    after: list[int]  # versions that answered when all was over


@pytest.fixture(scope="module")
def stages(tmp_path_factory) -> Iterator[dict[str, Stage]]:
    folder = tmp_path_factory.mktemp("serving")
    own = CommandLine(folder / "state", {"BREEDLINE_SCALING_PERIOD": MINUTE})
    assert own.run("local", "start").returncode == 0
    yield open_stages(own.connection, folder, {**dict.fromkeys(RATES, {}), **OTHERS})
    own.run("local", "stop")


@pytest.fixture(scope="module")
def stories(stages) -> Iterator[dict[str, Future[Any]]]:
    """All stories at once, and beside them what load does to the number of instances."""
    with ThreadPoolExecutor(len(RATES) + 1) as pool:
        told: dict[str, Future[Any]] = {
            fault: pool.submit(tell, stages[fault], fault) for fault in RATES
        }
        told["scaled"] = pool.submit(scale, stages["scaled"])
        yield told


def tell(stage: Stage, fault: str) -> Story:
    assert stage.deploy(stage.register())["status"] == "SUCCEEDED"
    package = stage.register(fault)
    with stage.load(RATES[fault]) as load:
        until(lambda: len(load.versions) > 10)
        deployment = stage.deploy(package)
    with stage.load(20.0) as afterwards:
        until(lambda: len(afterwards.versions) > 20)
    return Story(stage, package, deployment, load, afterwards.versions)


def scale(stage: Stage) -> dict[str, Any]:
    """The instance counts before, under and after a load."""
    assert stage.deploy(stage.register())["status"] == "SUCCEEDED"
    counts = [stage.instances()]
    with stage.load(8.0) as load:  # 240 a minute for each of two: four are needed
        until(lambda: stage.instances() == 4)
        counts.append(stage.instances())
    until(lambda: stage.instances() == 2, patience=400)
    counts.append(stage.instances())
    until(lambda: {activity["StatusCode"] for activity in activities(stage)} == {"Successful"})
    return {"counts": counts, "load": load, "activities": activities(stage)}


def activities(stage: Stage) -> list[dict[str, Any]]:
    """What scaled the stage's endpoint."""
    found: list[dict[str, Any]] = stage.client(
        "application-autoscaling"
    ).describe_scaling_activities(
        ServiceNamespace="sagemaker",
        ResourceId=f"endpoint/{stage.names.endpoint}/variant/{VARIANT}",
    )["ScalingActivities"]
    return found


def test_a_good_version_takes_over_under_load_without_one_failed_request(stories):
    story = stories["none"].result()
    assert story.deployment["status"] == "SUCCEEDED", story.deployment
    assert story.deployment["output"]["smoke_tests"]["failed"] == 0
    assert story.load.failures == []
    assert set(story.load.versions) == {1, 2}
    assert set(story.after) == {2}


@pytest.mark.parametrize(
    ("fault", "state", "words"),
    [
        ("silent", "CheckEndpoint", "the weights are torn"),
        ("errors", "CheckEndpoint", "errors-errors-"),
        ("slow", "CheckEndpoint", "slow-latency"),
        ("wrong", "SmokeTest", "labels"),
    ],
)
def test_a_bad_version_is_sent_back_by_the_right_guard(stories, fault, state, words):
    story = stories[fault].result()
    assert story.deployment["status"] == "FAILED", story.deployment
    assert f"The state {state} failed" in story.deployment["cause"]
    assert words in story.deployment["cause"]
    status, reason = story.stage.approval(story.package)
    assert status == "Rejected"
    assert state in reason
    assert story.stage.endpoint()["EndpointStatus"] == "InService"
    assert set(story.after) == {1}


@pytest.mark.parametrize("fault", ["silent", "wrong", "slow"])
def test_while_a_bad_version_comes_and_goes_every_request_is_answered(stories, fault):
    story = stories[fault].result()
    assert story.load.failures == []
    assert 1 in story.load.versions


def test_only_the_failing_version_fails_requests(stories):
    load = stories["errors"].result().load
    assert set(load.versions) == {1}
    assert load.failures
    assert all("Received server error (500) from primary" in text for text in load.failures)


def test_load_raises_the_number_of_instances_and_its_end_lowers_it(stories):
    scaled = stories["scaled"].result()
    assert scaled["counts"] == [2, 4, 2]
    assert scaled["load"].failures == []
    told = [activity["Description"] for activity in scaled["activities"]]
    assert any("Setting desired instance count to 4" in text for text in told)
    assert any("Setting desired instance count to 2" in text for text in told)


def test_a_serverless_endpoint_is_deployed_and_answers(stages):
    stage = stages["serverless"]
    deployment = stage.deploy(stage.register())
    assert deployment["status"] == "SUCCEEDED", deployment
    assert "CurrentServerlessConfig" in stage.endpoint()["ProductionVariants"][0]
    answer = stage.predict(pictures()["green"])
    assert (answer["statusCode"], answer["body"]["label"]) == (200, "green")


def test_an_asynchronous_endpoint_is_deployed_and_answers_into_the_bucket(stages):
    stage = stages["asynchronous"]
    deployment = stage.deploy(stage.register())
    assert deployment["status"] == "SUCCEEDED", deployment
    assert "skipped" in deployment["output"]["smoke_tests"]
    s3, bucket = stage.client("s3"), stage.session.settings.bucket
    s3.put_object(Bucket=bucket, Key="questions/blue.jpg", Body=pictures()["blue"])
    accepted = stage.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=stage.names.endpoint,
        InputLocation=f"s3://{bucket}/questions/blue.jpg",
        ContentType="image/jpeg",
    )
    key = accepted["OutputLocation"].removeprefix(f"s3://{bucket}/")
    until(lambda: "Contents" in s3.list_objects_v2(Bucket=bucket, Prefix=key))
    answer = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    assert answer["label"] == "blue"


def test_unsure_answers_ring_the_drift_alarm_which_starts_the_pipeline(stages):
    stage = stages["drifting"]
    assert stage.deploy(stage.register())["status"] == "SUCCEEDED"
    assert stage.predict(pictures()["red"])["body"]["probability"] == 0.9
    until(lambda: stage.executions())
    (execution,) = stage.executions()
    assert execution["PipelineExecutionDescription"].startswith("Retraining: drift")


def test_a_marker_beside_new_data_starts_the_pipeline_on_them(stages):
    stage = stages["serverless"]
    bucket = stage.session.settings.bucket
    for _ in range(3):
        stage.client("s3").put_object(Bucket=bucket, Key="data/june/_READY", Body=b"")
    until(lambda: stage.executions())
    (execution,) = stage.executions()
    values = {one["Name"]: one["Value"] for one in execution["PipelineParameters"]}
    assert values["InputDataUri"] == f"s3://{bucket}/data/june"


@pytest.mark.parametrize(
    ("event", "status", "words"),
    [
        ({}, 400, "exactly one"),
        ({"image": "no base64!"}, 400, "base64"),
        ({"image": base64.b64encode(b"GIF89a").decode()}, 400, "no image"),
        ({"endpoint_name": "other", "image": ""}, 403, "other"),
        ({"url": "http://169.254.169.254/latest/meta-data/"}, 403, "https"),
        ({"url": "https://10.0.0.1/dog.jpg"}, 403, "host is not allowed"),
        ({"s3": "s3://somebody-elses/dog.jpg"}, 403, "somebody-elses"),
        ({"s3": "s3://breedline-serverless-123456789012-eu-west-1/none.jpg"}, 404, "no object"),
    ],
)
def test_a_bad_question_gets_its_status_and_one_sentence(stages, event, status, words):
    stage = stages["serverless"]
    answer = stage.ask(event)
    assert answer["statusCode"] == status
    assert words in answer["body"]["error"]["message"]
    assert answer["body"]["error"]["message"].count("\n") == 0


def test_thirty_megabytes_are_too_much_wherever_they_are_sent(stages):
    stage, large = stages["serverless"], bytes(30_000_000)
    with pytest.raises(ClientError, match="413|[Tt]oo [Ll]arge") as refused:
        stage.predict(large)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    bucket = stage.session.settings.bucket
    stage.client("s3").put_object(Bucket=bucket, Key="large.jpg", Body=large)
    answer = stage.ask({"s3": f"s3://{bucket}/large.jpg"})
    assert answer["statusCode"] == 413
    with pytest.raises(ClientError, match="413"):
        stage.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=stage.names.endpoint, Body=large, ContentType="image/jpeg"
        )
