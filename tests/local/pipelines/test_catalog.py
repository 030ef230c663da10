"""Pipelines as resources: create, update, describe, list, delete, versions."""

from __future__ import annotations

import json

import pytest

from local.errors import ApiError

ROLE = "arn:aws:iam::123456789012:role/pipeline"


def text(build, name="Train"):
    return json.dumps({"Version": "2020-12-01", "Steps": [build.training(name)]})


def test_a_pipeline_is_described_with_its_definition(world, build):
    arn = world.create({"Steps": [build.training("Train")]})
    described = world.call("DescribePipeline", PipelineName="P")

    assert described["PipelineArn"] == arn
    assert json.loads(described["PipelineDefinition"])["Steps"][0]["Name"] == "Train"
    assert world.call("DescribePipeline", PipelineName=arn)["PipelineName"] == "P"


def test_a_taken_name_is_refused_in_the_words_that_upsert_looks_for(world, build):
    world.create({"Steps": [build.training("Train")]})
    with pytest.raises(ApiError, match="already exists") as raised:
        world.create({"Steps": [build.training("Train")]})
    assert raised.value.code == "ValidationException"


def test_a_bad_definition_is_refused_at_create_and_at_update(world, build):
    with pytest.raises(ApiError, match="the step A has the type EMR"):
        world.create({"Steps": [{"Name": "A", "Type": "EMR"}]})
    world.create({"Steps": [build.training("Train")]})
    with pytest.raises(ApiError, match="is not JSON"):
        world.call("UpdatePipeline", PipelineName="P", PipelineDefinition="{")


def test_a_definition_may_lie_in_s3(world, build):
    location = {"Bucket": "bucket", "ObjectKey": "p.json"}
    request = {"PipelineName": "P", "RoleArn": ROLE, "PipelineDefinitionS3Location": location}
    with pytest.raises(ApiError, match="There is no pipeline definition at s3://bucket/p.json"):
        world.call("CreatePipeline", **request)
    world.backend.objects.write("bucket", "p.json", text(build).encode())
    world.call("CreatePipeline", **request)

    assert world.wait(world.start())["PipelineExecutionStatus"] == "Succeeded"


def test_a_bad_parameter_is_refused_at_start(world, build):
    world.create({"Steps": [build.training("Train")]})
    with pytest.raises(ApiError, match="There is no pipeline parameter X; there are: none"):
        world.start(parameters={"X": "1"})


def test_each_changed_definition_is_a_version_that_can_be_started(world, build):
    world.create({"Steps": [build.training("Train")]})
    same = json.dumps({"Version": "2020-12-01", "Steps": [build.training("Train")]})
    update = {"PipelineName": "P", "PipelineDefinition": same}
    assert world.call("UpdatePipeline", **update)["PipelineVersionId"] == 1
    update["PipelineDefinition"] = text(build, "Other")
    assert world.call("UpdatePipeline", **update)["PipelineVersionId"] == 2
    world.wait(world.start(PipelineVersionId=1))

    assert world.jobs.started == ["Train"]
    versions = world.call("ListPipelineVersions", PipelineName="P")["PipelineVersionSummaries"]
    assert sorted(version["PipelineVersionId"] for version in versions) == [1, 2]


def test_pipelines_are_listed_by_prefix_and_deleted_with_their_executions(world, build):
    arn = world.run({"Steps": [build.training("Train")]})
    listed = world.call("ListPipelines", PipelineNamePrefix="P")["PipelineSummaries"]
    assert [each["PipelineName"] for each in listed] == ["P"]
    assert world.call("ListPipelines", PipelineNamePrefix="Q")["PipelineSummaries"] == []
    assert listed[0]["LastExecutionTime"] == world.describe(arn)["CreationTime"]
    world.call("DeletePipeline", PipelineName="P")

    with pytest.raises(ApiError, match="does not exist"):
        world.call("DescribePipeline", PipelineName="P")
    with pytest.raises(ApiError, match="does not exist"):
        world.describe(arn)


def test_a_running_pipeline_is_not_deleted(world, build):
    world.jobs.scripts["Train"] = ["Hang"]
    world.create({"Steps": [build.training("Train")]})
    arn = world.start()
    world.wait_for_step(arn, "Train", StepStatus="Executing")
    with pytest.raises(ApiError, match="has running executions"):
        world.call("DeletePipeline", PipelineName="P")

    world.jobs.release("Train")
    world.wait(arn)


def test_executions_are_listed_with_their_reasons(world, build):
    world.jobs.scripts["Train"] = [{"Failed": "AlgorithmError: no"}]
    first = world.run({"Steps": [build.training("Train")]})
    second = world.start()
    world.wait(second)
    listed = world.call("ListPipelineExecutions", PipelineName="P")["PipelineExecutionSummaries"]

    assert [each["PipelineExecutionArn"] for each in listed] == [second, first]
    assert listed[1]["PipelineExecutionFailureReason"].startswith("Step failure")
    assert "StartTime" in listed[0]


def test_an_execution_can_be_renamed(world, build):
    arn = world.run({"Steps": [build.training("Train")]})
    world.call(
        "UpdatePipelineExecution", PipelineExecutionArn=arn, PipelineExecutionDisplayName="mine"
    )

    assert world.describe(arn)["PipelineExecutionDisplayName"] == "mine"
