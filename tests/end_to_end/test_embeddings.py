"""The demonstration's records hold embeddings, in which like lies near like."""

import re
import time

import numpy
import pytest

from commands.neighbours import decode

PATIENCE = 60  # seconds
GROUP = "breedline-images"


@pytest.fixture(scope="session")
def offline(command_line, demonstration):
    """Embeddings by record id, from the offline store's table."""
    table, athena = command_line.json("features")["table"], command_line.client("athena")
    started = athena.start_query_execution(
        QueryString=f'SELECT record_id, embedding FROM "sagemaker_featurestore"."{table}"',  # noqa: S608
        ResultConfiguration={"OutputLocation": "s3://breedline-local-123456789012-eu-west-1/q/"},
    )["QueryExecutionId"]
    deadline = time.monotonic() + PATIENCE
    while True:
        found = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
        if found["State"] == "SUCCEEDED":
            break
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=started)
    rows = [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]][1:]
    return {name["VarCharValue"]: text["VarCharValue"] for name, text in rows}


@pytest.fixture(scope="session")
def online(command_line, offline):
    """The records of the online store by id."""
    runtime, ids = command_line.client("sagemaker-featurestore-runtime"), sorted(offline)
    found = {}
    for start in range(0, len(ids), 100):
        asked = {
            "FeatureGroupName": GROUP,
            "RecordIdentifiersValueAsString": ids[start : start + 100],
        }
        for each in runtime.batch_get_record(Identifiers=[asked])["Records"]:
            values = {value["FeatureName"]: value["ValueAsString"] for value in each["Record"]}
            found[each["RecordIdentifierValueAsString"]] = values
    return found


def test_every_record_holds_an_embedding_online_and_offline(command_line, online, offline):
    found = command_line.json("features")
    ((model, count),) = found["embedded"].items()
    assert (count, model.rpartition("-")[0]) == (found["images"], "efficientnet_lite0-288")
    assert len(online) == len(offline) >= count
    for name, record in online.items():
        vector = decode(record["embedding"])
        assert vector.shape == (1280,)
        assert float(vector @ vector) == pytest.approx(1, abs=0.01)
        assert (record["embedding_model"], record["embedding"]) == (model, offline[name])


def test_like_pictures_are_neighbours(command_line, online):
    labels = numpy.array([record["label"] for record in online.values()])
    vectors = numpy.stack([decode(record["embedding"]) for record in online.values()])
    similarity = vectors @ vectors.T
    numpy.fill_diagonal(similarity, -1)
    nearest = numpy.argsort(-similarity, axis=1)[:, :5]
    assert (labels[nearest] == labels[:, None]).mean() > 0.7, "of 8 classes: 0.12 by chance"


def test_a_pictures_neighbours_are_told(command_line, demonstration):
    butterfly = next((command_line.folder / "sample").rglob("butterfly/*.jpg"))
    told = command_line.json("features", "--like", str(butterfly), "--count", "5")
    assert told["like"]["label"] == "butterfly"
    assert sum(each["label"] == "butterfly" for each in told["neighbours"]) >= 4


def test_training_takes_over_what_prepare_has_computed(command_line, demonstration):
    execution = demonstration["pipeline"]["arn"].rpartition("/")[2]
    logs, group = command_line.client("logs"), "/aws/sagemaker/TrainingJobs"
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    said = [
        event["message"]
        for stream in streams
        if execution in stream["logStreamName"]
        for event in logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
        )["events"]
    ]
    counts = [re.search(r"(\d+) images, (\d+) forward passes", line) for line in said]
    passes = {(int(found[1]), int(found[2])) for found in counts if found}
    assert (48, 0) in passes, "of validation nothing is computed again"
    assert all(computed <= images for images, computed in passes), "of train the mirror images"
